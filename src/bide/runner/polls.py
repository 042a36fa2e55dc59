"""Polls that are held: groups that share their looks, as entries of one heap.

Most groups have one member. One with more is looked for once for all: by one member's ``poll()``, or by
``poll_many()``. A look counts only for those that were there when it began.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol
from zlib import crc32

from bide.authoring.trigger import (
    BaseTrigger,
    Found,
    PollTrigger,
    TriggerEvent,
    error_pause,
    look,
    look_for_many,
    looks_for_many,
    next_pause,
)
from bide.observe.log import Sink, context_sink
from bide.observe.streams import finish_lines
from bide.runner.failures import one_line
from bide.runner.held_trigger import Held, interval_of
from bide.runner.outcomes import takes_a_while
from bide.runner.poll_heap import PollHeap
from bide.wire.messages import TriggerLoad
from bide.wire.statistics import LookTimes

_log = logging.getLogger("bide.runner")

#: First looks a second, when many polls come at once.
_FIRST_LOOKS: Final = 1000
#: What a look says goes to the logs of at most so many of its tasks.
_LOGS_OF_A_LOOK: Final = 20
#: Ends that are told in one turn of the loop.
_ENDS_PER_TURN: Final = 50
#: Seconds after its time from which on a look is late.
LATE: Final = 1.0

GroupId = tuple[str, type[BaseTrigger]]


class End(NamedTuple):
    """A wait that is over: its event, or what the last of some looks in a row raised; None if it was dropped."""

    held: Held
    found: TriggerEvent | BaseException | None = None
    errors: int = 0


class Ends(Protocol):
    """What becomes of a poll when a look has settled it."""

    def log_of(self, load: TriggerLoad, /) -> Sink:
        """Where its lines go."""
        ...

    def succeed(self, held: Held, event: TriggerEvent) -> None:
        """It has its event."""
        ...

    async def keep(self, looking: Sequence[Held], found: Sequence[Found]) -> list[Found]:
        """They watch assets: have their events stored; what is left of `found`."""
        ...

    async def settle(self, held: Held, event: TriggerEvent) -> None:
        """It has its event, what that leaves goes to the store first, and it is cleaned up."""
        ...

    def fail(self, held: Held, error: BaseException) -> None:
        """It has failed."""
        ...

    async def close_one(self, held: Held) -> None:
        """Await its cleanup."""
        ...

    def spawn(self, work: Any) -> asyncio.Task[None]:
        """Run `work` in the loop."""
        ...


class PollGroup:
    """Polls that share their looks. The one who stays alone costs little: there are many of those."""

    __slots__ = ("began", "due", "errors", "id", "interval", "looking", "looks", "members", "task", "wanted")

    def __init__(self, id: GroupId | None) -> None:
        self.id = id
        #: In the order they came.
        self.members: dict[Held, None] = {}
        #: Those for whom the look under way is, and how many of them still want it; None between looks.
        self.looking: dict[Held, None] | None = None
        self.wanted = 0
        self.task: asyncio.Task[None] | None = None
        #: Seconds: the shortest of its members'.
        self.interval = 0.0
        #: Looks without an event since the last member came, and looks in a row that raised.
        self.looks = 0
        self.errors = 0
        #: When its last look began, and when the next one is due, on the loop's clock.
        self.began: float | None = None
        self.due = 0.0


class LookStats:
    """How looks went, of one process since it began. Seconds."""

    __slots__ = ("late", "longest_lag", "looks", "seconds")

    def __init__(self) -> None:
        self.looks = 0
        self.late = 0
        self.longest_lag = 0.0
        #: Spent in looks, all together.
        self.seconds = 0.0

    def told(self) -> LookTimes:
        """The same, for the engine."""
        return LookTimes(self.looks, self.late, self.longest_lag, self.seconds)


class Polls:
    """All polls of one runner."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ends: Ends) -> None:
        self._loop = loop
        self._ends = ends
        self._groups: dict[GroupId, PollGroup] = {}
        self._group_of: dict[Held, PollGroup] = {}
        self._heap: PollHeap[PollGroup] = PollHeap(loop, self._start_look)
        self._by_task: dict[asyncio.Task[Any], PollGroup] = {}
        self.stats = LookStats()

    @property
    def groups(self) -> int:
        """Looks that are made per interval, so to say."""
        return len({id(group) for group in self._group_of.values()})

    def add(self, held: Held, place: int) -> None:
        """Look for `held`, at its place among those that came together; in a group, with that one's next look."""
        interval = interval_of(held)
        key = held.load.group_key
        group = None if key is None else self._groups.get((key, type(held.trigger)))
        if group is None:
            group = PollGroup(None if key is None else (key, type(held.trigger)))
            if group.id is not None:
                self._groups[group.id] = group
            group.interval = interval
            self._plan(group, self._loop.time() + _first_wait(held, place, interval))
        group.members[held] = None
        self._group_of[held] = group
        group.looks = 0
        if interval < group.interval:
            group.interval = interval
        if group.looking is None and group.began is not None and group.errors == 0:
            # It waits for the next look rather than make one more; back-off begins again.
            soonest = max(self._loop.time(), group.began + group.interval)
            if soonest < group.due:
                self._plan(group, soonest)

    def discard(self, held: Held) -> bool:
        """Look for `held` no more. False if a look for it is under way: that closes it when it is over."""
        group = self._group_of.get(held)
        if group is None:
            return False
        if group.looking is not None and held in group.looking:
            group.wanted -= 1
            if group.wanted == 0 and group.task is not None:
                group.task.cancel()
            return False
        self._leave(group, [held])
        if not group.members and group.looking is None:
            self._heap.discard(group)
        return True

    def next_look(self, held: Held) -> float | None:
        """Seconds until its next look, 0 while one is under way; None if it is no poll that is held."""
        group = self._group_of.get(held)
        if group is None:
            return None
        return 0.0 if group.looking is not None else max(0.0, group.due - self._loop.time())

    def owner_of(self, task: asyncio.Task[Any]) -> Held | None:
        """The trigger whose look `task` is."""
        group = self._by_task.get(task)
        return next(iter(group.looking)) if group is not None and group.looking else None

    def _plan(self, group: PollGroup, when: float) -> None:
        group.due = when
        self._heap.add(group, when)

    def _leave(self, group: PollGroup, gone: Sequence[Held]) -> None:
        for one in gone:
            group.members.pop(one, None)
            self._group_of.pop(one, None)
        if not group.members and group.id is not None and self._groups.get(group.id) is group:
            del self._groups[group.id]

    # --- looks -------------------------------------------------------------------------------------------------

    def _start_look(self, group: PollGroup) -> None:
        group.looking = dict(group.members)
        group.wanted = len(group.looking)
        group.began = self._loop.time()
        lag = group.began - group.due
        self.stats.looks += 1
        self.stats.late += lag > LATE
        self.stats.longest_lag = max(self.stats.longest_lag, lag)
        task = group.task = self._ends.spawn(self._look(group))
        self._by_task[task] = group
        task.add_done_callback(lambda task: self._on_look_over(group, task))

    def _on_look_over(self, group: PollGroup, task: asyncio.Task[None]) -> None:
        del self._by_task[task]
        self._heap.ended()
        self.stats.seconds += self._loop.time() - (group.began or 0.0)
        if group.looking is not None:
            # A coroutine that is cancelled before its first step never runs, so nothing in it can settle this.
            self._settle(group, asyncio.CancelledError())

    async def _look(self, group: PollGroup) -> None:
        looking = group.looking
        assert looking is not None
        found: list[Found] | BaseException
        with context_sink(self._log_of_look(looking)):
            try:
                found = await _find(list(looking))
                if next(iter(looking)).load.many:
                    found = await self._ends.keep(list(looking), found)
            except BaseException as error:
                found = error
            finish_lines()
            self._settle(group, found)

    def _log_of_look(self, looking: Iterable[Held]) -> Sink:
        """The logs of its tasks, the first ones if there are very many."""
        loads = {held.load.log_path: held.load for held in islice(looking, _LOGS_OF_A_LOOK)}
        sinks = [self._ends.log_of(load) for load in loads.values()]
        return sinks[0] if len(sinks) == 1 else _Fan(sinks)

    def _settle(self, group: PollGroup, found: list[Found] | BaseException) -> None:
        """End those that the look has settled, close those that were dropped meanwhile, plan the next look."""
        looking, group.looking, group.task = group.looking or {}, None, None
        current = [held for held in looking if not held.dropped]
        ends = [End(held) for held in looking if held.dropped]
        if isinstance(found, BaseException):
            try:
                ends += self._failed(group, current, found)
            except BaseException as error:
                ends += [End(held, error, 1) for held in current]
        else:
            group.errors = 0
            ends += [
                End(held, one, held.errors)
                for held, one in zip(looking, found, strict=True)
                if not held.dropped and self._is_over(held, one)
            ]
        self._leave(group, [one.held for one in ends])
        if group.members:
            group.looks += 1
            try:
                self._plan(group, self._loop.time() + _pause_of(group))
            except BaseException as error:
                # Its pace comes from attributes of the trigger, which may be properties, and raise.
                lost = list(group.members)
                self._leave(group, lost)
                ends += [End(held, error, 1) for held in lost]
        if len(ends) > _ENDS_PER_TURN:
            self._ends.spawn(self._tell_in_turns(ends))
        else:
            self._tell(ends)

    async def _tell_in_turns(self, ends: Sequence[End]) -> None:
        """Each end is written to its task's log, so that thousands of them would hold up the loop."""
        for start in range(0, len(ends), _ENDS_PER_TURN):
            self._tell(ends[start : start + _ENDS_PER_TURN])
            await asyncio.sleep(0)

    def _tell(self, ends: Iterable[End]) -> None:
        for held, found, errors in ends:
            if isinstance(found, TriggerEvent) and takes_a_while(found):
                self._ends.spawn(self._ends.settle(held, found))
                continue
            with context_sink(self._ends.log_of(held.load)):
                if isinstance(found, TriggerEvent):
                    self._ends.succeed(held, found)
                elif found is not None and not held.dropped:
                    note = f"{errors} looks in a row have failed; this is the last one"
                    if errors > 1 and note not in getattr(found, "__notes__", ()):
                        found.add_note(note)
                    self._ends.fail(held, found)
            self._ends.spawn(self._ends.close_one(held))

    def _is_over(self, held: Held, found: Found) -> bool:
        """Whether what a look has found for `held` ends its wait."""
        if found is None:
            held.errors = 0
            return False
        if isinstance(found, TriggerEvent):
            return True
        held.errors += 1
        allowed = _poll_of(held).max_errors
        if held.errors < allowed:
            with context_sink(self._ends.log_of(held.load)):
                _log.warning(
                    "A look has failed (%d of %d in a row are allowed): %s", held.errors, allowed, one_line(found)
                )
        return held.errors >= allowed

    def _failed(self, group: PollGroup, current: Sequence[Held], error: BaseException) -> list[End]:
        """A look for all has raised: those that fail by it."""
        if not current:
            return []
        group.errors += 1
        allowed = max(_poll_of(held).max_errors for held in current)
        if group.errors < allowed and isinstance(error, Exception):
            _log.warning(
                "A look has failed (%d of %d in a row are allowed); looking again in %g s: %s",
                group.errors,
                allowed,
                error_pause(group.interval, group.errors),
                one_line(error),
            )
            return []
        errors, group.errors = group.errors, 0
        return [End(held, error, errors) for held in current]


class _Fan:
    """Writes to several logs."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = sinks
        #: Of the trigger that looks, which is the first; asks are on its behalf.
        self.load: TriggerLoad | None = getattr(sinks[0], "load", None)

    def write(self, text: str) -> None:
        """Write `text` to each."""
        for sink in self._sinks:
            sink.write(text)


async def _find(looking: Sequence[Held]) -> list[Found]:
    """What one look finds for each."""
    first = _poll_of(looking[0])
    if first.share_key is None or looking[0].load.group_key is None or not looks_for_many(type(first)):
        return [await look(first)] * len(looking)
    triggers = [_poll_of(held) for held in looking]
    found: list[Found] = []
    limit = min(trigger.poll_many_limit for trigger in triggers)
    for start in range(0, len(triggers), limit):
        found += await look_for_many(triggers[start : start + limit])
    return found


def _pause_of(group: PollGroup) -> float:
    """Seconds until its next look."""
    group.interval = min(interval_of(one) for one in group.members)
    if group.errors:
        return error_pause(group.interval, group.errors)
    return next_pause(_poll_of(next(iter(group.members))), group.interval, group.looks)


def _poll_of(held: Held) -> PollTrigger:
    assert isinstance(held.trigger, PollTrigger)
    return held.trigger


def _first_wait(held: Held, place: int, interval: float) -> float:
    """Seconds until the first look of a new group."""
    if held.load.token > 1:
        # It has waited elsewhere: all that have come from there are spread over one interval.
        return crc32((held.load.group_key or held.load.wait_id).encode()) / 2**32 * interval
    return min(place / _FIRST_LOOKS, interval)
