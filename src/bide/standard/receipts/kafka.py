"""Offsets of Kafka that are committed when the event is stored.

Consumers that triggers make by the package's hook are wrapped, and store no offsets by themselves. A commit of the
trigger waits until its event is stored; or until it asks for the next message, since then nobody wanted that one.
What was not committed when the consumer is closed, or its process dies, comes again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache, wraps
from importlib import import_module
from typing import Any, Final

from bide.authoring.trigger import BaseTrigger, TriggerEvent
from bide.standard.receipts import Receipts

_log = logging.getLogger("bide.runner")

_holding: Final[ContextVar[KafkaReceipts | None]] = ContextVar("bide_kafka_receipts", default=None)


def receipts_of(trigger: BaseTrigger) -> Receipts:
    """For an ``AwaitMessageTrigger``."""
    _hold_in_triggers()
    return KafkaReceipts()


class KafkaReceipts(Receipts):
    """Of the consumer that one trigger has made."""

    def __init__(self) -> None:
        self._consumer: HeldConsumer | None = None

    def begin(self) -> None:
        _holding.set(self)

    def made(self, client: Any, *, auto_commit: bool) -> HeldConsumer:
        """`client` is the consumer of this trigger now."""
        self._consumer = HeldConsumer(client, auto_commit=auto_commit)
        return self._consumer

    def key(self, event: TriggerEvent) -> str | None:
        message = None if self._consumer is None else self._consumer.received
        if message is None:
            return None
        # A topic that was deleted and made anew counts from 0 again, with other times.
        return f"{message.topic()}/{message.partition()}/{message.offset()}/{message.timestamp()[1]}"

    async def acknowledge(self, event: TriggerEvent) -> None:
        if self._consumer is not None:
            await asyncio.to_thread(self._consumer.settle)


class HeldConsumer:
    """A consumer that commits one message later than it is told to."""

    def __init__(self, client: Any, *, auto_commit: bool) -> None:
        """`auto_commit`: whether `client` commits by itself what it is told to store."""
        self._client = client
        self._auto_commit = auto_commit
        #: The last one.
        self.received: Any = None
        self._asked: list[dict[str, Any]] = []
        self._is_open = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def poll(self, *args: Any, **kwargs: Any) -> Any:
        """The next message; the one before is done with."""
        self.settle()
        message = self._client.poll(*args, **kwargs)
        if message is not None and message.error() is None:
            self.received, self._is_open = message, True
        return message

    def commit(self, message: Any = None, offsets: Any = None, asynchronous: bool = True) -> Any:
        """Note what is to be committed; the answer is that of a commit which has gone well."""
        given = {"message": message, "offsets": offsets}
        self._asked.append({name: value for name, value in given.items() if value is not None})
        return None if asynchronous else list(offsets or ())

    def settle(self) -> None:
        """Commit what was asked for: the message was passed over, or its event is stored."""
        asked, self._asked = self._asked, []
        if self._is_open:
            self._is_open = False
            if self._auto_commit or {} in asked:
                self._client.store_offsets(message=self.received)
        for arguments in asked:
            self._client.commit(**arguments, asynchronous=False)


@cache
def _hold_in_triggers() -> None:
    """Have the hook of the package wrap the consumers that are made where a trigger holds back."""
    module: Any = import_module("airflow.providers.apache.kafka.hooks.consume")
    hook: Any = module.KafkaConsumerHook
    make: Callable[[Any, dict[str, Any]], Any] = hook._get_client

    @wraps(make)
    def _get_client(self: Any, config: dict[str, Any]) -> Any:
        receipts = _holding.get()
        if receipts is None:
            return make(self, config)
        auto_commit = str(config.get("enable.auto.commit", True)).strip().lower() != "false"
        return receipts.made(make(self, {**config, "enable.auto.offset.store": False}), auto_commit=auto_commit)

    hook._get_client = _get_client
