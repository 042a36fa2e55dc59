"""Streams that many waits share: one consumer reads for all of them, and each picks its message.

A provider writes a :class:`StreamConsumer` for a broker once, and for each kind of wait a :class:`StreamTrigger`.
The engine stores what a wait has found before the consumer may acknowledge the message.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bide.authoring.moments import now
from bide.authoring.trigger import BaseTrigger, TriggerEvent

#: Consumers that fail in a row before the waits fail, unless their class says otherwise.
_MAX_ERRORS: Final = 3


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """One message of a stream."""

    value: Any
    #: Tells it from all others of its stream, also when it is delivered again: topic/partition/offset, or the
    #: broker's id of the message.
    key: str
    #: When it was written, by the broker's clock; with a time zone. None where the broker doesn't say.
    timestamp: dt.datetime | None = None
    #: Whatever its consumer needs to acknowledge it.
    raw: Any = None


class StreamConsumer(ABC):
    """Reads one stream, for all waits that share it. Made in the process of the triggers, where it stays.

    Any method may raise: the consumer is closed, and after a pause a new one goes on where it was.
    """

    async def open(self, positions: Sequence[Any], since: dt.datetime | None) -> None:  # noqa: B027
        """Begin to read at the earliest of `positions` and of the first message written at `since` or later.

        `positions` are such that consumers of this stream have told by :meth:`position`. There is at least one of
        them, or else `since` is given. A consumer whose broker keeps the position need not look at either.
        """

    @abstractmethod
    async def receive(self) -> Sequence[StreamMessage]:
        """Wait for messages: at least one, in the order of the stream. May be cancelled while it waits."""

    async def acknowledge(self, messages: Sequence[StreamMessage]) -> None:  # noqa: B027
        """These are done: whatever waits for them has been stored.

        Called in the order in which they were received, also while :meth:`receive` waits.
        """

    async def pass_over(self, messages: Sequence[StreamMessage]) -> None:
        """No wait wanted these. Acknowledges them, unless overridden: a queue may want them back for others."""
        await self.acknowledge(messages)

    def position(self) -> Any:
        """Where another consumer has to begin, so that it misses nothing that was not acknowledged or passed over.

        Of whatever :func:`bide.model.values.encode` stores. None where the broker itself keeps the position.
        """
        return None

    async def close(self) -> None:  # noqa: B027
        """Let go of connections. Called once, however reading ended."""


class StreamTrigger(BaseTrigger):
    """Waits for a message of a stream; triggers with equal :attr:`share_key` share one consumer.

    All that is said by attributes here may be set on the class, in ``__init__`` or by a property.
    """

    #: Triggers of this class with equal keys (of whatever :func:`bide.model.values.encode` stores) share a
    #: consumer. None: this one has its own.
    share_key: Any = None
    #: Each message is for one wait only: for the first, in the order they began, that wants it. For queues.
    exclusive: bool = False
    #: Only messages written at this moment or later count. None: the moment at which the wait began; of an
    #: exclusive stream, whatever is there.
    since: dt.datetime | None = None
    #: So many consumers in a row that raise end the wait with what the last one raised.
    max_errors: int = _MAX_ERRORS
    #: Seconds until a consumer that has failed is followed by the next one; doubled with each in a row.
    retry_pause: float = 1.0

    @abstractmethod
    def consumer(self) -> StreamConsumer:
        """A new consumer, not opened yet. One of the triggers that share it is asked."""

    @abstractmethod
    def match(self, message: StreamMessage) -> TriggerEvent | None:
        """The event, if this is the message that is waited for; else None.

        Called for every message of the stream, so it must neither block nor change anything.
        """

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Read until there is an event; used where no engine does it. Acknowledges its message afterwards."""
        consumer = self.consumer()
        try:
            await consumer.open((), self.since or now())
            while True:
                for message in await consumer.receive():
                    event = self.match(message)
                    if event is None:
                        await consumer.pass_over([message])
                        continue
                    yield event
                    await consumer.acknowledge([message])
                    return
        finally:
            await consumer.close()


def shares_consumer(trigger: BaseTrigger) -> bool:
    """Whether the engine reads for `trigger`; not so if its class has a ``run()`` of its own."""
    return isinstance(trigger, StreamTrigger) and type(trigger).run is StreamTrigger.run
