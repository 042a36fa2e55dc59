"""Acknowledgements that triggers of packages would send before their event is stored.

Triggers on queues acknowledge a message first and yield its event then, so that a process which dies in between
loses it. For the classes that are named here that is turned around, without a change of the package: what the
trigger acknowledges is held back, and sent when the engine has stored the event.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

from bide.authoring.trigger import BaseTrigger, TriggerEvent


class Receipts(ABC):
    """What one trigger has received and is yet to acknowledge."""

    def begin(self) -> None:  # noqa: B027
        """Hold back what is acknowledged in this context from now on. Called before ``run()``, where that runs."""

    @abstractmethod
    def key(self, event: TriggerEvent) -> str | None:
        """Tells the message behind `event`, which was yielded last, from all others, also when it comes again."""

    @abstractmethod
    async def acknowledge(self, event: TriggerEvent) -> None:
        """`event`, which was yielded last, is stored."""


#: By the class of the trigger: the module that has ``receipts_of(trigger)``.
_MODULES: Final = {
    "airflow.providers.apache.kafka.triggers.await_message.AwaitMessageTrigger": "kafka",
    "airflow.providers.amazon.aws.triggers.sqs.SqsSensorTrigger": "sqs",
}


def receipts_of(trigger: BaseTrigger) -> Receipts | None:
    """What `trigger` acknowledges is held back by this; None where it acknowledges nothing."""
    module = _module_for(type(trigger))
    if module is None:
        return None
    found: Any = import_module(f"{__name__}.{module}")
    return found.receipts_of(trigger)


@lru_cache(maxsize=4096)
def _module_for(cls: type[BaseTrigger]) -> str | None:
    names = (f"{one.__module__}.{one.__qualname__}" for one in cls.__mro__)
    return next((_MODULES[name] for name in names if name in _MODULES), None)
