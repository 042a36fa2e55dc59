"""One stream, and the waits that share its consumer.

Each message is offered to the waits in the order they began. What a wait has found goes to the engine, and the
message stays open until the engine has stored it; messages are acknowledged in the order they were received. So one
that is acknowledged is stored wherever it was wanted, and whatever dies in between, it comes again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Final

from bide.authoring.moments import now
from bide.authoring.stream import StreamConsumer, StreamMessage, StreamTrigger
from bide.authoring.trigger import TriggerEvent
from bide.model.values import encode
from bide.observe.log import context_sink
from bide.observe.streams import finish_lines
from bide.runner.failures import described, one_line
from bide.runner.held_trigger import Held
from bide.runner.read_from import ReadFrom, Reading, start_of
from bide.runner.stream_ends import GroupLog, StreamEnds, Verdict
from bide.wire.stream_messages import SaveCheckpoint

_log = logging.getLogger("bide.runner")

#: Open messages at which no further ones are received.
_MOST_OPEN: Final = 1000
#: Messages that are kept for waits that join after they came.
_RECENT: Final = 1000
#: Messages that are offered in one turn of the loop, if many waits share them fewer.
_OFFERS_PER_TURN: Final = 2000
#: Seconds from a change to its checkpoint. A checkpoint speaks only of waits that are older than this.
SAVE_AFTER: Final = 5.0
#: Seconds for a consumer's close(), and the longest pause before the next one.
_CLOSE_LIMIT: Final = 30.0
_LONGEST_PAUSE: Final = 60.0


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


class SharedStream:
    """Reads for its members until there are none."""

    def __init__(
        self,
        name: str,
        exclusive: bool,
        ends: StreamEnds,
        asked: dict[str, tuple[SharedStream, Held]],
        *,
        save_after: float | None = None,
    ) -> None:
        """`asked`: gets the waits by id whose events are on their way to the store."""
        self.name = name
        self.exclusive = exclusive
        self._ends = ends
        self._asked = asked
        self._save_after = SAVE_AFTER if save_after is None else save_after
        #: From which moment on messages count, by member, in the order they came.
        self.members: dict[Held, float] = {}
        #: Those whose event was refused: nobody waits there any more, which the engine is about to say.
        self._gone: set[Held] = set()
        self._offers: dict[Held, tuple[Entry, TriggerEvent]] = {}
        #: Not acknowledged yet, in the order of the stream.
        self._open: deque[Entry] = deque()
        self._pending: dict[str, Entry] = {}
        self._recent: deque[Entry] = deque()
        self._reading = Reading()
        self._rewind: ReadFrom | None = None
        self._errors = 0
        self._saved = b""
        self._save_at: float | None = None
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.task: asyncio.Task[None] | None = None
        self._receiving: asyncio.Task[Sequence[StreamMessage]] | None = None

    @property
    def is_over(self) -> bool:
        """Nobody waits, and nothing is left to acknowledge."""
        return not self.members and not self._offers

    def runs(self, task: asyncio.Task[Any]) -> bool:
        """Whether `task` belongs to it."""
        return task is self.task or task is self._receiving

    # --- members -----------------------------------------------------------------------------------------------

    def join(self, held: Held) -> None:
        """Offer messages to `held`, also such as came between its beginning and now."""
        trigger = _trigger_of(held)
        since = trigger.since
        began = float("-inf") if self.exclusive else held.load.armed_at
        self.members[held] = since.timestamp() if since is not None else began
        if self.task is None:
            self.task = self._ends.spawn(self._serve())
        elif self._reading.began:
            self._catch_up(held)

    def leave(self, held: Held) -> None:
        """`held` waits no more, whatever has become of its event."""
        self.members.pop(held, None)
        if held in self._gone:
            self._gone.discard(held)
            self._read_again()
        self._wake.set()

    def answered(self, held: Held, verdict: Verdict) -> None:
        """The engine says what has become of the event of `held`."""
        entry, event = self._offers.pop(held)
        entry.pending -= 1
        if not entry.pending:
            self._pending.pop(entry.message.key, None)
        entry.taken = entry.taken or verdict != "refused"
        if verdict == "accepted":
            self.members.pop(held, None)
            if not held.dropped:
                self._ends.finish(held, event)
        elif verdict == "refused":
            self._on_refused(held, entry)
        elif held in self.members:
            self._offer_many(held, self._after(entry))
        self._wake.set()

    def _on_refused(self, held: Held, entry: Entry) -> None:
        if self.exclusive and any(self._offer(one, entry) for one in list(self.members) if one is not held):
            pass
        elif not entry.taken:
            entry.blocked = True
        if held in self.members:
            self._gone.add(held)
        elif entry.blocked:
            self._read_again()

    def _after(self, entry: Entry) -> list[Entry]:
        later = list(self._open)
        found = later[later.index(entry) + 1 :] if entry in later else later
        return [one for one in found if not (self.exclusive and (one.pending or one.taken))]

    def _catch_up(self, held: Held) -> None:
        wanted = start_of([held], self.members)
        if self.exclusive:
            self._offer_many(held, [one for one in self._open if not one.pending and not one.taken])
        elif self._reading.has_all(wanted):
            self._offer_many(held, self._recent)
        else:
            self._rewind = wanted if self._rewind is None else self._rewind.or_earlier(wanted)
            self._wake.set()

    def _read_again(self) -> None:
        """What is open comes again from the next consumer."""
        if self._rewind is None and self.members:
            self._rewind = ReadFrom()
            self._wake.set()

    # --- offers ------------------------------------------------------------------------------------------------

    def _offer_many(self, held: Held, entries: Iterable[Entry]) -> None:
        for entry in list(entries):
            if held not in self.members or self._offer(held, entry):
                return

    def _offer(self, held: Held, entry: Entry) -> bool:
        """Whether `held` wants this message, and its event is on its way to the store."""
        if held in self._offers or held in self._gone or held.dropped:
            return False
        message = entry.message
        written = entry.received_at if message.timestamp is None else message.timestamp.timestamp()
        if written < self.members[held]:
            return False
        with context_sink(self._ends.log_of(held.load)):
            try:
                event = _trigger_of(held).match(message)
                if event is None:
                    return False
                self._ends.offer(held, event, self.name if self.exclusive else None, message)
            except BaseException as error:
                self._fail(held, error)
                return False
        entry.pending += 1
        self._pending[message.key] = entry
        self._offers[held] = entry, event
        self._asked[held.load.wait_id] = self, held
        return True

    def _fail(self, held: Held, error: BaseException) -> None:
        self.members.pop(held, None)
        with context_sink(self._ends.log_of(held.load)):
            self._ends.fail(held, error)
        self._ends.spawn(self._ends.close_one(held))

    # --- reading -----------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        with context_sink(GroupLog(self.members, self._ends)):
            while not self.is_over:
                try:
                    if self.members:
                        await self._read_once()
                    else:
                        await self._wait_for_change(None)
                except BaseException as error:
                    task = asyncio.current_task()
                    if task is not None and task.cancelling():
                        raise
                    # Also sys.exit() in a consumer, which is about this stream and not about the process.
                    await self._on_failure(error)
                finally:
                    finish_lines()

    async def _read_once(self) -> None:
        """With one consumer, until it has to be another one."""
        start = self._next_start()
        consumer = _trigger_of(next(iter(self.members))).consumer()
        if not isinstance(consumer, StreamConsumer):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"consumer() must return a StreamConsumer, not {consumer!r:.200}")
        opened = False
        try:
            await consumer.open(start.positions, start.since_moment)
            opened = True
            await self._read(consumer)
        finally:
            for entry in self._open:
                entry.fresh = False
            self._open = deque(entry for entry in self._open if entry.pending)
            try:
                if opened:
                    self._reading.position = consumer.position()
            finally:
                await _close(consumer)

    def _next_start(self) -> ReadFrom:
        reading, rewind = self._reading, self._rewind
        self._rewind = None
        if not reading.began:
            start = start_of(self.members, self.members)
        else:
            start = reading.go_on()
            if rewind is not None and rewind.is_given:
                start = start.or_earlier(rewind)
                self._recent.clear()
        reading.begin(start)
        return start

    async def _read(self, consumer: StreamConsumer) -> None:
        try:
            while True:
                await self._settle(consumer)
                if self._rewind is not None or self.is_over:
                    return
                if self._receiving is None and len(self._open) < _MOST_OPEN and self.members:
                    self._receiving = asyncio.create_task(_receive(consumer))
                await self._wait_for_change(self._receiving)
                if self._receiving is not None and self._receiving.done():
                    messages, self._receiving = self._receiving.result(), None
                    self._errors = 0
                    await self._take(messages)
                if self._save_at is not None and self._loop.time() >= self._save_at:
                    self._save(consumer)
        finally:
            receiving, self._receiving = self._receiving, None
            if receiving is not None:
                receiving.cancel()
                await asyncio.wait([receiving])
                if not receiving.cancelled():
                    receiving.exception()

    async def _wait_for_change(self, receiving: asyncio.Task[Any] | None) -> None:
        """Until there are messages, an answer of the engine, a member less, or a checkpoint to be saved."""
        waking = asyncio.create_task(self._wake.wait())
        limit = None if self._save_at is None else max(0.0, self._save_at - self._loop.time())
        try:
            waits: set[asyncio.Task[Any]] = {waking} if receiving is None else {waking, receiving}
            await asyncio.wait(waits, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waking.cancel()
        self._wake.clear()

    async def _take(self, messages: Sequence[StreamMessage]) -> None:
        offers = 0
        at = now().timestamp()
        for message in messages:
            entry = self._entry_of(message, at)
            for held in list(self.members):
                if held in self.members and self._offer(held, entry) and self.exclusive:
                    break
            offers += len(self.members) + 1
            if offers > _OFFERS_PER_TURN:
                offers = 0
                await asyncio.sleep(0)

    def _entry_of(self, message: StreamMessage, at: float) -> Entry:
        known = self._pending.get(message.key)
        if known is not None and not known.fresh:
            # It is on its way to the store, and has come again meanwhile: now at this place in the order.
            self._open.remove(known)
            known.message, known.fresh = message, True
        entry = known if known is not None else Entry(message, at)
        self._open.append(entry)
        if not self.exclusive:
            self._recent.append(entry)
            if len(self._recent) > _RECENT:
                self._reading.forget(self._recent.popleft().received_at)
        return entry

    async def _settle(self, consumer: StreamConsumer) -> None:
        """Acknowledge what is done, in the order it was received."""
        done: list[Entry] = []
        while self._open and not self._open[0].pending and not self._open[0].blocked:
            entry = self._open.popleft()
            entry.settled = True
            if entry.fresh:
                done.append(entry)
        for taken, run in groupby(done, key=lambda entry: entry.taken):
            messages = [entry.message for entry in run]
            await (consumer.acknowledge(messages) if taken else consumer.pass_over(messages))
        if done and self._save_at is None and not self.exclusive:
            self._save_at = self._loop.time() + self._save_after

    def _save(self, consumer: StreamConsumer) -> None:
        self._save_at = None
        position = consumer.position()
        if position is None or any(entry.settled for entry, _ in self._offers.values()):
            return
        value = encode(position, what=f"position() of {type(consumer).__name__}")
        covers = now().timestamp() - self._save_after
        members = sum(held.load.armed_at <= covers for held in self.members)
        if members and value != self._saved:
            self._saved = value
            self._ends.save(SaveCheckpoint(self.name, value, covers, members))

    async def _on_failure(self, error: BaseException) -> None:
        waiting = [held for held in self.members if held not in self._offers]
        self._errors += 1
        allowed = max((_trigger_of(held).max_errors for held in waiting), default=self._errors)
        if waiting and self._errors >= allowed:
            self._errors = 0
            for held in waiting:
                self._fail(held, error)
            return
        first = _trigger_of(waiting[0]).retry_pause if waiting else StreamTrigger.retry_pause
        pause = min(first * 2 ** min(self._errors - 1, 60), _LONGEST_PAUSE)
        _log.warning(
            "The stream's consumer has failed (%d of %d in a row are allowed); reading again in %g s: %s",
            self._errors,
            allowed,
            pause,
            one_line(error),
        )
        await asyncio.sleep(pause)


async def _receive(consumer: StreamConsumer) -> Sequence[StreamMessage]:
    messages = await consumer.receive()
    for one in messages:
        if not isinstance(one, StreamMessage):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"{type(consumer).__name__}.receive() must return StreamMessages, not {one!r:.200}")
    return messages


async def _close(consumer: StreamConsumer) -> None:
    try:
        async with asyncio.timeout(_CLOSE_LIMIT):
            await consumer.close()
    except Exception as error:
        _log.error("%s.close() failed: %s", type(consumer).__name__, described(error))


def _trigger_of(held: Held) -> StreamTrigger:
    assert isinstance(held.trigger, StreamTrigger)
    return held.trigger
