"""Messages that a shared stream has received, and what is asked of its consumer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from bide.authoring.stream import StreamConsumer, StreamMessage, StreamTrigger
from bide.authoring.trigger import TriggerEvent
from bide.runner.failures import described
from bide.runner.held_trigger import Held

_log = logging.getLogger("bide.runner")

#: Seconds for a consumer's close().
_CLOSE_LIMIT: Final = 30.0


class Entry:
    """A message that was received."""

    __slots__ = ("blocked", "fresh", "message", "pending", "received_at", "settled", "taken")

    def __init__(self, message: StreamMessage, received_at: float) -> None:
        self.message = message
        self.received_at = received_at
        #: Waits whose event by it is on its way to the store.
        self.pending = 0
        #: A wait has had it.
        self.taken = False
        #: An event by it was refused, maybe because another engine has that wait by now and is yet to see it.
        self.blocked = False
        #: It came from the consumer at hand.
        self.fresh = True
        #: It has been acknowledged or passed over.
        self.settled = False

    def event_of(self, held: Held, since: float) -> TriggerEvent | None:
        """The event that `held` has by this message, if it was written at `since` or later."""
        message = self.message
        written = self.received_at if message.timestamp is None else message.timestamp.timestamp()
        return None if written < since else trigger_of(held).match(message)


async def receive(consumer: StreamConsumer) -> Sequence[StreamMessage]:
    """The next messages."""
    messages = await consumer.receive()
    for one in messages:
        if not isinstance(one, StreamMessage):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"{type(consumer).__name__}.receive() must return StreamMessages, not {one!r:.200}")
    return messages


async def close(consumer: StreamConsumer) -> None:
    """Close it; what that raises is logged."""
    try:
        async with asyncio.timeout(_CLOSE_LIMIT):
            await consumer.close()
    except Exception as error:
        _log.error("%s.close() failed: %s", type(consumer).__name__, described(error))


def trigger_of(held: Held) -> StreamTrigger:
    """The trigger of a wait or watcher of a stream."""
    assert isinstance(held.trigger, StreamTrigger)
    return held.trigger
