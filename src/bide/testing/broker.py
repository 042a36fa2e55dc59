"""A broker in the memory of the process, for tests of triggers that read streams."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import Sequence
from typing import Any, Final

from bide.authoring.moments import now
from bide.authoring.stream import StreamConsumer, StreamMessage

#: Messages that a consumer gets at once.
_BATCH: Final = 100
#: Seconds until a queue delivers a message again that was passed over.
_REDELIVERY: Final = 1.0

_named: dict[str, MemoryBroker] = {}


class MemoryBroker:
    """Topics with messages. Any thread may publish; consumers belong to the event loop that opens them."""

    def __init__(self) -> None:
        self._topics: dict[str, _Topic] = {}

    @classmethod
    def named(cls, name: str) -> MemoryBroker:
        """The same one for the same name, so that a DAG file and its test meet."""
        return _named.setdefault(name, cls())

    def publish(self, topic: str, value: Any, *, timestamp: dt.datetime | None = None) -> StreamMessage:
        """Add a message to `topic`; it was written now, unless `timestamp` says otherwise."""
        return self._topic(topic).append(value, timestamp or now())

    def reader(self, topic: str) -> StreamConsumer:
        """A consumer of `topic` as a log, as in Kafka: every reader gets every message, and tells its position."""
        return _LogReader(self._topic(topic))

    def receiver(self, topic: str) -> StreamConsumer:
        """A consumer of `topic` as a queue, as in SQS: a message goes to one receiver until that acknowledges it.

        What is passed over is delivered again after a second, what a receiver has when it closes at once.
        """
        return _QueueReceiver(self._topic(topic))

    def acknowledged(self, topic: str) -> list[StreamMessage]:
        """What was acknowledged or, of a log, passed over; in that order, as often as that was done."""
        return list(self._topic(topic).acknowledged)

    def opened(self, topic: str) -> int:
        """How many consumers of `topic` were opened so far."""
        return self._topic(topic).opened

    def _topic(self, name: str) -> _Topic:
        return self._topics.setdefault(name, _Topic(name))


class _Topic:
    def __init__(self, name: str) -> None:
        self.name = name
        self.messages: list[StreamMessage] = []
        self.acknowledged: list[StreamMessage] = []
        self.opened = 0
        #: Of a queue: offsets that are delivered or done.
        self.away: set[int] = set()
        self._lock = threading.Lock()
        self._waiting: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    def append(self, value: Any, timestamp: dt.datetime) -> StreamMessage:
        with self._lock:
            offset = len(self.messages)
            message = StreamMessage(value, f"{self.name}/{offset}", timestamp, raw=offset)
            self.messages.append(message)
        self.wake()
        return message

    def wake(self) -> None:
        for event, loop in list(self._waiting.items()):
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    def listen(self) -> asyncio.Event:
        event = asyncio.Event()
        self._waiting[event] = asyncio.get_running_loop()
        self.opened += 1
        return event

    def leave(self, event: asyncio.Event) -> None:
        self._waiting.pop(event, None)


class _Consumer(StreamConsumer):
    def __init__(self, topic: _Topic) -> None:
        self._topic = topic
        self._some: asyncio.Event | None = None

    async def open(self, positions: Sequence[Any], since: dt.datetime | None) -> None:
        self._some = self._topic.listen()

    async def receive(self) -> Sequence[StreamMessage]:
        if self._some is None:
            raise RuntimeError("this consumer is not open")
        while True:
            self._some.clear()
            if found := self._take():
                return found
            await self._wait(self._some)

    def _take(self) -> list[StreamMessage]:
        raise NotImplementedError

    async def _wait(self, some: asyncio.Event) -> None:
        await some.wait()

    async def close(self) -> None:
        if self._some is not None:
            self._topic.leave(self._some)
            self._some = None


class _LogReader(_Consumer):
    def __init__(self, topic: _Topic) -> None:
        super().__init__(topic)
        self._next = 0
        self._position = 0

    async def open(self, positions: Sequence[Any], since: dt.datetime | None) -> None:
        await super().open(positions, since)
        starts = list(positions)
        if since is not None:
            written = (number for number, one in enumerate(self._topic.messages) if _moment(one) >= since)
            starts.append(next(written, len(self._topic.messages)))
        self._next = self._position = min(starts)

    def _take(self) -> list[StreamMessage]:
        found = self._topic.messages[self._next : self._next + _BATCH]
        self._next += len(found)
        return found

    async def acknowledge(self, messages: Sequence[StreamMessage]) -> None:
        self._topic.acknowledged += messages
        self._position = max(self._position, *(one.raw + 1 for one in messages))

    def position(self) -> int:
        return self._position


class _QueueReceiver(_Consumer):
    def __init__(self, topic: _Topic) -> None:
        super().__init__(topic)
        self._mine: set[int] = set()
        #: When what was passed over may be delivered again, on the loop's clock, by offset.
        self._hidden: dict[int, float] = {}

    def _take(self) -> list[StreamMessage]:
        at = asyncio.get_running_loop().time()
        for offset in [offset for offset, until in self._hidden.items() if until <= at]:
            del self._hidden[offset]
            self._give_back(offset)
        free = (one for one in self._topic.messages if one.raw not in self._topic.away)
        found = [one for one, _ in zip(free, range(_BATCH), strict=False)]
        self._mine.update(one.raw for one in found)
        self._topic.away.update(one.raw for one in found)
        return found

    async def _wait(self, some: asyncio.Event) -> None:
        if not self._hidden:
            await some.wait()
            return
        left = min(self._hidden.values()) - asyncio.get_running_loop().time()
        sleeping = asyncio.create_task(asyncio.sleep(max(0.0, left)))
        waking = asyncio.create_task(some.wait())
        try:
            await asyncio.wait([sleeping, waking], return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            waking.cancel()

    def _give_back(self, offset: int) -> None:
        self._mine.discard(offset)
        self._topic.away.discard(offset)

    async def acknowledge(self, messages: Sequence[StreamMessage]) -> None:
        self._topic.acknowledged += messages
        self._mine.difference_update(one.raw for one in messages)

    async def pass_over(self, messages: Sequence[StreamMessage]) -> None:
        until = asyncio.get_running_loop().time() + _REDELIVERY
        self._hidden.update((one.raw, until) for one in messages)
        if self._some is not None:
            self._some.set()

    async def close(self) -> None:
        await super().close()
        for offset in list(self._mine):
            self._give_back(offset)
        self._topic.wake()


def _moment(message: StreamMessage) -> dt.datetime:
    assert message.timestamp is not None
    return message.timestamp
