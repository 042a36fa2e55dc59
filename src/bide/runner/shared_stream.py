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
from bide.runner.failures import one_line
from bide.runner.held_trigger import Held
from bide.runner.read_from import ReadFrom, Reading, start_of
from bide.runner.stream_ends import GroupLog, StreamEnds, Verdict
from bide.runner.stream_entries import Entry, close, receive, trigger_of
from bide.runner.watcher_events import AT_ONCE
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
#: Seconds of the longest pause before the next consumer.
_LONGEST_PAUSE: Final = 60.0


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
        #: What of each is on its way to the store: one event of a wait, some of a watcher.
        self._offers: dict[Held, list[tuple[Entry, TriggerEvent]]] = {}
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
        trigger = trigger_of(held)
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
        offered = self._offers.pop(held)
        for entry, _ in offered:
            entry.pending -= 1
            if not entry.pending:
                self._pending.pop(entry.message.key, None)
            entry.taken = entry.taken or verdict != "refused"
        entry, event = offered[-1]
        if verdict == "accepted":
            self.members.pop(held, None)
            if not held.dropped:
                self._ends.finish(held, event)
        elif verdict == "refused":
            for one, _ in offered:
                self._on_refused(held, one)
        elif held in self.members:
            self._offer_many(held, self._after(entry))
        self._wake.set()

    def _on_refused(self, held: Held, entry: Entry) -> None:
        others = [one for one in self.members if one is not held] if self.exclusive else []
        for one in others:
            if not entry.pending:
                self._offer_many(one, [entry])
        if not entry.taken and not (others and entry.pending):
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
        if held.load.many:
            self._offer_some(held, list(entries))
            return
        for entry in list(entries):
            if held not in self.members or self._offer(held, entry):
                return

    def _is_free(self, held: Held) -> bool:
        return held in self.members and held not in self._offers and held not in self._gone and not held.dropped

    def _offer(self, held: Held, entry: Entry) -> bool:
        """Whether `held`, a wait, wants this message, and its event is on its way to the store."""
        if not self._is_free(held):
            return False
        with context_sink(self._ends.log_of(held.load)):
            try:
                event = entry.event_of(held, self.members[held])
                if event is None:
                    return False
                self._ends.offer(held, event, self.name if self.exclusive else None, entry.message)
            except BaseException as error:
                self._fail(held, error)
                return False
        self._note_offered(held, [(entry, event)])
        return True

    def _offer_some(self, held: Held, entries: Sequence[Entry]) -> None:
        """Have events of `held`, a watcher, by the first of these messages stored: as many as go together.

        The others have their turn when that is done.
        """
        if not self._is_free(held):
            return
        found: list[tuple[Entry, TriggerEvent]] = []
        with context_sink(self._ends.log_of(held.load)):
            try:
                for entry in entries:
                    if len(found) == AT_ONCE:
                        break
                    if self.exclusive and (entry.pending or entry.taken):
                        continue
                    event = entry.event_of(held, self.members[held])
                    if event is not None:
                        found.append((entry, event))
                if not found:
                    return
                events = [(event, entry.message) for entry, event in found]
                number = self._ends.offer_many(held, events, self.name if self.exclusive else None)
            except BaseException as error:
                self._fail(held, error)
                return
        self._note_offered(held, found[:number])

    def _note_offered(self, held: Held, offered: list[tuple[Entry, TriggerEvent]]) -> None:
        for entry, _ in offered:
            entry.pending += 1
            self._pending[entry.message.key] = entry
        self._offers[held] = offered
        self._asked[held.load.wait_id] = self, held

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
        consumer = trigger_of(next(iter(self.members))).consumer()
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
                await close(consumer)

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
                    self._receiving = asyncio.create_task(receive(consumer))
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
        new: list[Entry] = []
        for message in messages:
            entry = self._entry_of(message, at)
            new.append(entry)
            for held in list(self.members):
                if not held.load.many and self._offer(held, entry) and self.exclusive:
                    break
            offers += len(self.members) + 1
            if offers > _OFFERS_PER_TURN:
                offers = 0
                await asyncio.sleep(0)
        for held in list(self.members):
            if held.load.many:
                self._offer_some(held, new)

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
        if position is None or any(entry.settled for offered in self._offers.values() for entry, _ in offered):
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
        allowed = max((trigger_of(held).max_errors for held in waiting), default=self._errors)
        if waiting and self._errors >= allowed:
            self._errors = 0
            for held in waiting:
                self._fail(held, error)
            return
        first = trigger_of(waiting[0]).retry_pause if waiting else StreamTrigger.retry_pause
        pause = min(first * 2 ** min(self._errors - 1, 60), _LONGEST_PAUSE)
        _log.warning(
            "The stream's consumer has failed (%d of %d in a row are allowed); reading again in %g s: %s",
            self._errors,
            allowed,
            pause,
            one_line(error),
        )
        await asyncio.sleep(pause)
