"""The events of triggers that watch assets, or that acknowledge: they are stored before their trigger goes on."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Future
from hashlib import sha256
from typing import Any, Final

import msgspec

from bide.authoring.stream import StreamMessage
from bide.authoring.trigger import Found, TaskEndEvent, TriggerEvent
from bide.model.errors import InvalidArgument, ProtocolError, TriggerFailure
from bide.model.watchers import event_key
from bide.runner.failures import described
from bide.runner.held_trigger import Held
from bide.runner.outcomes import outcome_of
from bide.wire.messages import Outcome, TriggerEnded
from bide.wire.stream_messages import EventsStored, MessageKey
from bide.wire.trigger_messages import FurtherEvent

_log = logging.getLogger("bide.runner")

#: Seconds for an acknowledgement, and for the answer that is to say whether there is to be one.
_ACKNOWLEDGE_LIMIT: Final = 30.0
#: Events of a watcher that are stored in one transaction, and bytes of their payloads.
AT_ONCE: Final = 200
_MOST_BYTES: Final = 1 << 20


class WatcherEvents:
    """Has events stored, a message of each watcher at a time. Some have threads with loops of their own."""

    def __init__(self, loop: asyncio.AbstractEventLoop, tell: Callable[[TriggerEnded], None]) -> None:
        self._loop = loop
        self._tell = tell
        self._thread_id = threading.get_ident()
        #: Whether the watcher goes on, by its id.
        self._asked: dict[str, Future[bool]] = {}

    def on_stored(self, answer: EventsStored) -> None:
        """The engine says what has become of events."""
        for stored, wait_ids in ((True, (*answer.going_on, *answer.accepted)), (False, answer.refused)):
            for wait_id in wait_ids:
                future = self._asked.pop(wait_id, None)
                if future is not None and not future.done():
                    future.set_result(stored)

    async def store_first(self, held: Held, event: TriggerEvent, outcome: Outcome) -> None:
        """Have the `outcome` of a wait stored, and acknowledge what `event` comes from.

        :class:`TriggerFailure` if the engine does not want it any more: then nothing is acknowledged.
        """
        load = held.load
        stored = asyncio.wrap_future(self._send(TriggerEnded(load.wait_id, load.token, outcome, asks=True)))
        try:
            is_stored = await asyncio.shield(stored)
        except asyncio.CancelledError:
            # It is dropped, maybe since the event is stored: its message must not come again then.
            await asyncio.wait([stored], timeout=_ACKNOWLEDGE_LIMIT)
            if stored.done() and stored.exception() is None and stored.result():
                await _acknowledge(held, [event])
            raise
        if not is_stored:
            raise TriggerFailure("the event was not stored: the wait is over, or is served elsewhere by now")
        await _acknowledge(held, [event])

    async def store_all(self, held: Held, stream: AsyncIterator[TriggerEvent | list[TriggerEvent]]) -> None:
        """Store what `stream` yields, until it ends; it goes on after an event when that is stored.

        Events of one list are stored together. Raises what it raises, for an event that can't be stored, and if it
        ends without any.
        """
        events = 0
        async for found in stream:
            # A list, however long it is: none of it is stored before all is known to be fit for that.
            yielded = found if isinstance(found, list) else [found]
            outcomes = [watched_outcome(held, event, key=_receipt(held, yielded)) for event in yielded]
            for batch in in_batches(outcomes):
                await self._store(held, batch)
            await _acknowledge(held, yielded)
            events += len(outcomes)
        if not events:
            raise TriggerFailure(f"{type(held.trigger).__name__}.run() ended without yielding an event")

    async def keep(self, looking: Sequence[Held], found: Sequence[Found]) -> list[Found]:
        """Store what a look has found for each; what is left are errors."""
        left: list[Found] = []
        for held, one in zip(looking, found, strict=True):
            if one is None:
                held.last_key = ""
            if isinstance(one, TriggerEvent) and not held.dropped:
                try:
                    await self._store_found(held, one)
                except Exception as error:
                    left.append(error)
                    continue
            left.append(one if isinstance(one, Exception) else None)
        return left

    async def _store_found(self, held: Held, event: TriggerEvent) -> None:
        """An event of a look counts if the look before has not found the same."""
        outcome = watched_outcome(held, event)
        key = event_key(outcome.key, outcome.payload)
        if key == held.last_key:
            return
        await self._store(held, [outcome])
        held.last_key = key

    async def _store(self, held: Held, outcomes: Sequence[Outcome]) -> None:
        """Have them stored together; :class:`TriggerFailure` if the engine does not want them any more."""
        load = held.load
        more = tuple(FurtherEvent(outcome) for outcome in outcomes[1:])
        message = TriggerEnded(load.wait_id, load.token, outcomes[0], asks=True, on=True, more=more)
        if not await asyncio.wrap_future(self._send(message)):
            raise TriggerFailure("an event was not stored: the watcher is stopped, or runs elsewhere by now")

    def _send(self, message: TriggerEnded) -> Future[bool]:
        answer = self._asked[message.wait_id] = Future()
        if threading.get_ident() == self._thread_id:
            self._ask(message, answer)
        else:
            self._loop.call_soon_threadsafe(self._ask, message, answer)
        return answer

    def _ask(self, message: TriggerEnded, answer: Future[bool]) -> None:
        try:
            self._tell(message)
        except ProtocolError as error:
            # It is larger than a message may be.
            answer.set_exception(error)


def _receipt(held: Held, yielded: Sequence[TriggerEvent]) -> str | None:
    """What tells the message behind an event from others, if that is known."""
    return held.receipts.key(yielded[0]) if held.receipts is not None and len(yielded) == 1 else None


async def _acknowledge(held: Held, events: Sequence[TriggerEvent]) -> None:
    """What these come from is done with; they are stored."""
    if held.receipts is None:
        return
    try:
        async with asyncio.timeout(_ACKNOWLEDGE_LIMIT):
            for event in events:
                await held.receipts.acknowledge(event)
    except Exception as error:
        _log.error(
            "The event is stored, but its message was not acknowledged and may come again: %s", described(error)
        )


def in_batches(outcomes: Sequence[Outcome]) -> Iterator[list[Outcome]]:
    """`outcomes` in parts that go into one message and one transaction each."""
    batch: list[Outcome] = []
    for outcome in outcomes:
        if batch and not has_room(batch, outcome):
            yield batch
            batch = []
        batch.append(outcome)
    if batch:
        yield batch


def has_room(batch: Sequence[Outcome], further: Outcome) -> bool:
    """Whether a `further` event may be stored together with these."""
    size = sum(len(one.payload) for one in batch) + len(further.payload)
    return len(batch) < AT_ONCE and size <= _MOST_BYTES


def watched_outcome(held: Held, event: Any, *, key: str | None = None) -> Outcome:
    """The stored form of an event of a watcher, told from others by its own key, or else by `key`."""
    name = type(held.trigger).__name__
    if isinstance(event, TaskEndEvent):
        raise InvalidArgument(f"{name} yielded a {type(event).__name__}, but it watches an asset: there is no task")
    outcome = outcome_of(event, name)
    return outcome if outcome.key is not None else msgspec.structs.replace(outcome, key=key)


def watched_message(
    held: Held, found: Sequence[tuple[TriggerEvent, StreamMessage]], stream: str | None
) -> TriggerEnded:
    """What tells of the first events that fit into one message, each by its message of a stream, at least of one.

    `stream` names an exclusive one. Raises for a first one that can't be stored; a later one is left for the next
    message, to fail alone.
    """
    events: list[FurtherEvent] = []
    for event, message in found:
        try:
            outcome = watched_outcome(held, event, key=message.key)
        except Exception:
            if not events:
                raise
            break
        if events and not has_room([one.outcome for one in events], outcome):
            break
        key = None if stream is None else key_of(stream, message)
        written = None if message.timestamp is None else message.timestamp.timestamp()
        events.append(FurtherEvent(outcome, key, written))
    first, load = events[0], held.load
    return TriggerEnded(
        load.wait_id,
        load.token,
        first.outcome,
        message=first.message,
        asks=True,
        on=True,
        written_at=first.written_at,
        more=tuple(events[1:]),
    )


def key_of(stream: str, message: StreamMessage) -> MessageKey:
    """What tells `message` from others of an exclusive stream."""
    return MessageKey(stream, sha256(message.key.encode()).hexdigest())
