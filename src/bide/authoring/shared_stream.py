"""Streams that packages for Airflow share among triggers: what they subclass, and how it is run here.

A trigger says by ``shared_stream_key()`` which stream it reads, and by ``filter_shared_stream()`` what of that is
an event of its own. All with an equal key, of whatever class, have one consumer. It acknowledges what is stored, by
the producer of the package, as any :class:`~bide.authoring.stream.StreamConsumer` does.
"""

from __future__ import annotations

import logging
import types
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Generator, Hashable, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, NamedTuple, cast
from uuid import uuid4

from bide.authoring.event_trigger import BaseEventTrigger
from bide.authoring.stream import StreamConsumer, StreamMessage, StreamTrigger
from bide.authoring.trigger import BaseTrigger, TriggerEvent
from bide.model.errors import InvalidArgument, TriggerFailure

_log = logging.getLogger("bide.triggers")


class AckTimeout(Exception):
    """Of Airflow, where a message may be stored for so long only; here the store is waited for."""


@dataclass(frozen=True, slots=True)
class AdvanceOutcome:
    """What became of a message, by the triggers that share it."""

    acked: int
    failed: int
    rejected: int = 0

    @property
    def is_clean(self) -> bool:
        """All of them have taken it."""
        return self.failed == 0 and self.rejected == 0 and self.acked > 0


class AdvanceItem(NamedTuple):
    """A message that is done with: what its producer gave along with it, and what became of it."""

    broker_payload: Any
    outcome: AdvanceOutcome


class SharedStreamProducer(ABC):
    """Reads a stream for all that share it, and tells the broker what is done with."""

    @abstractmethod
    def open_stream(self) -> AsyncIterator[tuple[Any, Any]]:
        """Yield messages, each with what :meth:`advance` needs to know of it; never ends by itself."""

    @abstractmethod
    async def advance(self, batch: Sequence[AdvanceItem]) -> None:
        """These are done with: those of one lane, in the order of the stream."""

    def get_advance_lane(self, broker_payload: Any) -> Hashable:
        """Messages of different lanes may be done with in any order."""
        return None

    async def aclose(self) -> None:  # noqa: B027
        """Let go of the broker."""


@dataclass(slots=True)
class _Raw:
    """Beside a message: the producer's word on it, and what the triggers have made of it."""

    payload: Any
    rejected: int = 0
    found: dict[int, TriggerEvent | None] = field(default_factory=dict[int, "TriggerEvent | None"])


_filtered: Final[ContextVar[_Raw | None]] = ContextVar("bide_filtered_message", default=None)


def reject_shared_stream_event() -> None:
    """Called by a filter: the message at hand is refused for good, and its producer is told so."""
    raw = _filtered.get()
    if raw is None:
        _log.warning("reject_shared_stream_event() was called where no message is being filtered, and does nothing")
    else:
        raw.rejected += 1


def stream_key(trigger: BaseTrigger) -> str | None:
    """Equal for triggers that share a stream in the way of this module; None for all others."""
    if not isinstance(trigger, BaseEventTrigger):
        return None
    key = trigger.shared_stream_key()
    return None if key is None else repr(key)


def as_stream(trigger: BaseTrigger) -> BaseTrigger:
    """`trigger`, as a stream that is shared if it says so."""
    return trigger if stream_key(trigger) is None else PackageStream(cast("BaseEventTrigger", trigger))


class PackageStream(StreamTrigger):
    """A trigger of a package, whose filter is asked about each message."""

    def __init__(self, trigger: BaseEventTrigger) -> None:
        super().__init__()
        self.trigger = trigger
        self.share_key = stream_key(trigger)
        self._filter = _Filter(trigger)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "task_instance":
            self.trigger.task_instance = value

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return self.trigger.serialize()

    def consumer(self) -> StreamConsumer:
        return _Consumer(self.trigger)

    def match(self, message: StreamMessage) -> TriggerEvent | None:
        raw: _Raw = message.raw
        # A filter may count what it sees, so it sees each message once.
        if id(self) not in raw.found:
            token = _filtered.set(raw)
            try:
                raw.found[id(self)] = self._filter.event_by(message.value)
            finally:
                _filtered.reset(token)
        return raw.found[id(self)]

    async def cleanup(self) -> None:
        self._filter.close()
        await self.trigger.cleanup()

    async def on_kill(self) -> None:
        await self.trigger.on_kill()

    def describe(self) -> str:
        return self.trigger.describe()


_NEXT: Final = object()


class _Source:
    """What a filter iterates: it stops there until it is given the next message."""

    def __aiter__(self) -> _Source:
        return self

    async def __anext__(self) -> Any:
        return await _next()


@types.coroutine
def _next() -> Generator[object, Any, Any]:
    return (yield _NEXT)


class _Filter:
    """Runs a filter by hand: as far as its next message, each time it is given one."""

    def __init__(self, trigger: BaseEventTrigger) -> None:
        self._name = f"{type(trigger).__name__}.filter_shared_stream()"
        self._events = trigger.filter_shared_stream(_Source())
        #: What it stands in: a call for its next event, which waits for a message.
        self._standing: Any = None

    def event_by(self, value: Any) -> TriggerEvent | None:
        """What it makes of a message."""
        if self._standing is None and self._run_on(self._events.__anext__(), None):
            raise InvalidArgument(f"{self._name} yields before it has a message")
        standing, self._standing = self._standing, None
        events = self._run_on(standing, value)
        if len(events) > 1:
            raise InvalidArgument(f"{self._name} has {len(events)} events for one message; it may have one")
        return events[0] if events else None

    def _run_on(self, standing: Any, value: Any) -> list[TriggerEvent]:
        events: list[TriggerEvent] = []
        while True:
            try:
                waits_for = standing.send(value)
            except StopIteration as yielded:
                events.append(yielded.value)
                standing, value = self._events.__anext__(), None
            except StopAsyncIteration:
                raise TriggerFailure(f"{self._name} has ended") from None
            else:
                if waits_for is not _NEXT:
                    _end(standing)
                    raise InvalidArgument(f"{self._name} awaits something else than its next message")
                self._standing = standing
                return events

    def close(self) -> None:
        """Have it end, with its ``finally``."""
        standing, self._standing = self._standing, None
        if standing is not None:
            _end(standing)


def _end(standing: Any) -> None:
    with suppress(GeneratorExit, StopIteration, StopAsyncIteration):
        standing.throw(GeneratorExit())


class _Consumer(StreamConsumer):
    """The producer of the package, or its plain stream, which acknowledges nothing."""

    def __init__(self, trigger: BaseEventTrigger) -> None:
        self._trigger = trigger
        self._producer: SharedStreamProducer | None = None
        self._events: AsyncIterator[Any] | None = None

    async def open(self, positions: Sequence[Any], since: Any) -> None:
        cls, arguments = type(self._trigger), self._trigger.serialize()[1]
        if cls.create_shared_stream_producer.__func__ is BaseEventTrigger.create_shared_stream_producer.__func__:
            self._events = cls.open_shared_stream(arguments)
        else:
            self._producer = cls.create_shared_stream_producer(arguments)
            self._events = self._producer.open_stream()

    async def receive(self) -> Sequence[StreamMessage]:
        assert self._events is not None
        try:
            found = await anext(self._events)
        except StopAsyncIteration:
            raise TriggerFailure(f"the shared stream of {type(self._trigger).__name__} has ended") from None
        if self._producer is None:
            return [StreamMessage(found, uuid4().hex, raw=_Raw(None))]
        value, payload = found
        return [StreamMessage(value, _key_of(value, payload), raw=_Raw(payload))]

    async def acknowledge(self, messages: Sequence[StreamMessage]) -> None:
        producer = self._producer
        if producer is None:
            return
        lanes: dict[Hashable, list[AdvanceItem]] = {}
        for message in messages:
            raw: _Raw = message.raw
            outcome = AdvanceOutcome(acked=0 if raw.rejected else 1, failed=0, rejected=raw.rejected)
            lane = producer.get_advance_lane(raw.payload)
            lanes.setdefault(lane, []).append(AdvanceItem(raw.payload, outcome))
        for batch in lanes.values():
            await producer.advance(batch)

    async def close(self) -> None:
        end = getattr(self._events, "aclose", None)
        try:
            if end is not None:
                await end()
        finally:
            if self._producer is not None:
                await self._producer.aclose()


def _key_of(value: Any, payload: Any) -> str:
    """Tells a message of Kafka from others, also when it comes again; others are taken for new each time."""
    place = [getattr(payload, name, None) for name in ("topic", "partition", "offset")]
    if None in place:
        return uuid4().hex
    # A topic that was deleted and made anew counts from 0 again.
    data = value if isinstance(value, bytes) else repr(value).encode()
    return "/".join(map(str, [*place, sha256(data).hexdigest()[:16]]))
