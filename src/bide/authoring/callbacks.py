"""``on_failure_callback`` and its like: what authors give, and calling it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, cast

from bide.model.errors import InvalidArgument

if TYPE_CHECKING:
    from bide.authoring.dag import DAG
    from bide.authoring.operator import BaseOperator

Callback = Callable[[Any], Any]
#: One function of the context, several, or none.
Callbacks = Callback | Iterable[Callback] | None

#: How the end of a try is called where its callbacks are named: ``on_{event}_callback``.
TASK_EVENTS: Final = ("success", "failure", "retry", "skipped")
RUN_EVENTS: Final = ("success", "failure")


def as_callbacks(value: Callbacks) -> list[Callback]:
    """The functions in `value`; :class:`InvalidArgument` for what can't be called."""
    if value is None:
        return []
    callbacks = (
        list(cast("Iterable[Any]", value)) if isinstance(value, list | tuple | set) else [cast("Any", value)]
    )
    for callback in callbacks:
        if not callable(callback):
            raise InvalidArgument(f"a callback must be a function of the context, not {callback!r}")
    return callbacks


def callbacks_of(owner: BaseOperator | DAG, event: str) -> list[Callback]:
    """The callbacks of a task or DAG at an event; authors may have set them after it was made."""
    return as_callbacks(getattr(owner, f"on_{event}_callback", None))


def events_called(owner: BaseOperator | DAG, events: Iterable[str]) -> tuple[str, ...]:
    """Those of `events` at which `owner` has callbacks."""
    return tuple(event for event in events if callbacks_of(owner, event))
