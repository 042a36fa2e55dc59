"""The triggerer: from waits in the store to triggers in runner processes, and back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from typing import Any, Final

from bide.control.accept_event import WaitEnding
from bide.control.arm_starts import ArmedStart
from bide.engine.triggerer.claim_along import LeasesAlong, NoLeases
from bide.engine.triggerer.contract import RunnerSource, TriggerControl
from bide.engine.triggerer.endings import EndingWriter
from bide.engine.triggerer.fleet import Fleet
from bide.engine.triggerer.persistence import persistently
from bide.engine.triggerer.releases import Releases
from bide.engine.triggerer.settings import TriggererSettings
from bide.engine.triggerer.stored_events import answer_to
from bide.engine.triggerer.watchers import WatcherClaims
from bide.model.clock import Clock
from bide.model.errors import Conflict, Fenced
from bide.store import Bell
from bide.wire.messages import RunOnKill
from bide.wire.progress import Progress
from bide.wire.statistics import TriggererStatistics
from bide.wire.stream_messages import SaveCheckpoint

_log = logging.getLogger(__name__)

#: Seconds before a loop that failed goes on: the first pause, doubled up to the last.
_FIRST_PAUSE: Final = 0.2
_LAST_PAUSE: Final = 10.0
#: Seconds for which a failure counts. A loop that goes on failing does so more often.
_UNHEALTHY: Final = 30.0
#: Seconds that the engine's own loop may be late before its lateness is not held against the runners.
_LATE: Final = 0.05
#: Seconds between two looks for cancels that are due, at least.
_SOONEST: Final = 0.05
#: Seconds that the last writes may take, however short the grace.
_LAST_WRITES: Final = 5.0


class Triggerer:
    """Claims waits, has them run, stores what they end with. For one event loop and one engine session.

    :meth:`run` works until :meth:`stop`. A store that is locked or full only delays it.
    """

    def __init__(
        self,
        source: RunnerSource,
        control: TriggerControl,
        bell: Bell,
        clock: Clock,
        *,
        session: str,
        settings: TriggererSettings,
        along: LeasesAlong | None = None,
    ) -> None:
        """`along` leases waits for it within other transactions."""
        self._control = control
        self._along = along or NoLeases()
        self._bell = bell
        self._clock = clock
        self._settings = settings
        self._waits = bell.listen("waits")
        self._starts = bell.listen("starts")
        self._drops = bell.listen("drops")
        self._watchers = bell.listen("watchers")
        self._cancels = bell.listen("cancels")
        self._capacity = settings.capacity or settings.first_capacity
        #: Claiming stopped for want of room; look again when there may be some.
        self._wants_room = False
        #: It has no room, since when it last looked.
        self._is_full = False
        #: Held while waits pass from the store to a runner, so that drops see either all of it or nothing.
        self._handing_over = asyncio.Lock()
        self._cancelling: set[str] = set()
        self._releases = Releases(control, self._spawn, self._waits.wake)
        self._endings = EndingWriter(control, self._on_stored)
        self._fleet = Fleet(
            source,
            settings,
            clock,
            self._spawn,
            session=session,
            ended=self._endings.add,
            armed=self._on_armed,
            answer=control.answer,
            read=self._on_read,
            lost=self._releases.add,
            answered=self._on_answered,
        )
        self._watcher_claims = WatcherClaims(
            control,
            self._fleet,
            clock,
            settings,
            rung=self._watchers,
            handing_over=self._handing_over,
            free=self._free,
        )
        #: The last failure of the triggerer itself; empty if there was none.
        self.last_error = ""
        self._failed_at = float("-inf")
        self._tasks: asyncio.TaskGroup | None = None
        self._stop_asked = asyncio.Event()
        self._grace = 0.0
        self._finished = asyncio.Event()

    async def run(self) -> None:
        """Work until :meth:`stop`."""
        if self._tasks is not None:
            raise Conflict("this triggerer is running already, or has run")
        try:
            async with asyncio.TaskGroup() as self._tasks:
                loops = [
                    self._spawn(self._keep(self._claim_forever), "triggerer-claims"),
                    self._spawn(self._keep(self._bring_forever), "triggerer-brings"),
                    self._spawn(self._keep(self._start_forever), "triggerer-starts"),
                    self._spawn(self._keep(self._watcher_claims.run), "triggerer-watchers"),
                    self._spawn(self._keep(self._drop_forever), "triggerer-drops"),
                    self._spawn(self._keep(self._cancel_forever), "triggerer-cancels"),
                    self._spawn(self._keep(self._watch_forever), "triggerer-watch"),
                ]
                writer = self._spawn(self._keep(self._endings.run), "triggerer-endings")
                await self._stop_asked.wait()
                for loop in loops:
                    loop.cancel()
                self._releases.stop()
                await self._wind_up()
                writer.cancel()
        finally:
            self._fleet.kill()
            for listener in (self._waits, self._starts, self._drops, self._watchers, self._cancels):
                self._bell.leave(listener)
            self._finished.set()

    async def stop(self, grace: float) -> None:
        """Have triggers clean up for at most `grace` seconds, store their endings, give back the leases."""
        self._grace = grace
        self._stop_asked.set()
        if self._tasks is not None:
            await self._finished.wait()

    @property
    def healthy(self) -> bool:
        """Whether it runs and has not failed lately. Runners that die are no failure of it."""
        running = self._tasks is not None and not self._finished.is_set()
        return running and self._clock.monotonic() - self._failed_at > _UNHEALTHY

    async def next_looks(self, wait_ids: Collection[str]) -> dict[str, float]:
        """When polls are looked at next, in Unix seconds by wait id; only of those that run here."""
        return (await self._fleet.looks(wait_ids)).next_look

    async def progress(self, wait_ids: Collection[str]) -> dict[str, Progress]:
        """How far the work outside is, by wait id; only of those that run here and have said so."""
        return (await self._fleet.looks(wait_ids)).progress

    async def statistics(self, name: str) -> TriggererStatistics:
        """How it is; `name` is for people."""
        looks = await self._fleet.looks(())
        return TriggererStatistics(
            name,
            holding=self._fleet.holding,
            capacity=self._settings.capacity,
            quarantined=sorted({cls.classpath for cls in self._fleet.quarantine.classes()}),
            looks=looks.times,
        )

    def where(self, wait_ids: Collection[str]) -> dict[str, str]:
        """The label of the process by wait id; only of those that run here."""
        return self._fleet.where(wait_ids)

    @property
    def shortage(self) -> str:
        """Why it takes no further waits, in words; empty while it takes what comes."""
        if not self._is_full:
            return ""
        if self._settings.capacity is not None:
            return f"the triggerer holds {self._fleet.holding} triggers, and its capacity is {self._capacity}"
        return f"the triggerer holds {self._fleet.holding} triggers, and takes more once their loops keep up"

    def pids(self) -> list[int]:
        """Process ids of all trigger runners."""
        return self._fleet.pids()

    async def _keep(self, loop: Callable[[], Awaitable[None]]) -> None:
        """Run one of the loops for ever: a failure in it is reported, and holds up nothing else."""
        pause = _FIRST_PAUSE
        while True:
            began = self._clock.monotonic()
            try:
                await loop()
            except Exception as error:
                self._report(error)
                if self._clock.monotonic() - began > _LAST_PAUSE:
                    pause = _FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LAST_PAUSE)

    # --- the loops ----------------------------------------------------------------------------------------------

    async def _claim_forever(self) -> None:
        while True:
            if not await self._claim_some():
                await self._waits.wait(self._settings.safety_poll)

    async def _claim_some(self) -> bool:
        """Lease waits and hand them to runners; whether there may be more to claim at once."""
        async with self._handing_over:
            free = self._free()
            if free <= 0:
                return self._grow()
            self._is_full = False
            limit = min(free, self._settings.claim_batch)
            loads = await persistently(lambda: self._control.claim_waits(limit), "claim waits")
            await self._fleet.arm(loads)
        self._offer()
        return len(loads) == limit

    def _free(self) -> int:
        """How many more it takes."""
        return self._capacity - self._held() - self._along.under_way

    def _held(self) -> int:
        return self._fleet.holding + self._releases.pending + self._endings.pending

    def _offer(self) -> None:
        """Have as many leased along as it would claim by itself."""
        self._along.offer(self._capacity - self._held(), at_most=self._settings.claim_batch)

    async def _bring_forever(self) -> None:
        while True:
            await self._along.brought.wait()
            async with self._handing_over:
                await self._arm_brought()

    async def _arm_brought(self) -> None:
        """Hand over what was leased along; call it with the lock held."""
        loads = self._along.take()
        try:
            await self._fleet.arm(loads)
        finally:
            self._along.armed(len(loads))
        self._offer()

    def _grow(self) -> bool:
        """Take more than before, if that is allowed and the runners' loops keep up with what they have."""
        if self._settings.capacity is None and self._fleet.keeps_up():
            self._capacity *= 2
            _log.debug("the triggerer now holds up to %d triggers", self._capacity)
            return True
        self._wants_room = True
        if not self._is_full:
            self._is_full = True
            _log.info("no further triggers are taken for now: %s", self.shortage)
        return False

    async def _start_forever(self) -> None:
        """Have first waits made. That takes no room for long, so the capacity is no matter."""
        limit = self._settings.claim_batch
        while True:
            async with self._handing_over:
                starts = await persistently(lambda: self._control.claim_starts(limit), "claim starts")
                await self._fleet.arm_starts(starts)
            if len(starts) < limit:
                await self._starts.wait(self._settings.safety_poll)

    async def _drop_forever(self) -> None:
        while True:
            await self._drops.wait(self._settings.safety_poll)
            await self._drop_ended()

    async def _drop_ended(self) -> None:
        """Stop triggers whose waits were ended by others: timeout, cancel, a forced state."""
        async with self._handing_over:
            await self._arm_brought()
            held = self._fleet.held()
            if not held:
                return
            stored = await persistently(self._control.held_waits, "look for waits that have ended")
        self._fleet.drop([wait_id for wait_id in held if wait_id not in stored])

    async def _cancel_forever(self) -> None:
        while True:
            room = self._settings.max_cancels - len(self._cancelling)
            if await self._claim_cancels(room) == room > 0:
                continue
            await self._cancels.wait(await self._until_next_cancel() if room > 0 else self._settings.safety_poll)

    async def _claim_cancels(self, room: int) -> int:
        """Begin at most `room` cancels that are due; how many."""
        if room <= 0:
            return 0
        due = await persistently(lambda: self._control.claim_obligations(room), "claim cancels")
        for obligation in due:
            self._cancelling.add(obligation.obligation_id)
            self._spawn(self._cancel_work(obligation), f"on-kill-{obligation.obligation_id}")
        return len(due)

    async def _until_next_cancel(self) -> float:
        """Seconds."""
        due_at = await persistently(self._control.next_obligation, "look for cancels")
        if due_at is None:
            return self._settings.safety_poll
        return min(max((due_at - self._clock.now()).total_seconds(), _SOONEST), self._settings.safety_poll)

    async def _cancel_work(self, obligation: RunOnKill) -> None:
        error = await self._fleet.run_on_kill(obligation)
        if error:
            _log.warning("external work of wait %s was not cancelled: %s", obligation.load.wait_id, error)
        await persistently(lambda: self._control.settle(obligation, error), "store the result of a cancel")
        self._cancelling.discard(obligation.obligation_id)
        self._cancels.wake()

    async def _watch_forever(self) -> None:
        while True:
            await self._fleet.populated.wait()
            self._fleet.next_watch = due = self._clock.monotonic() + self._settings.ping_interval
            await asyncio.sleep(self._settings.ping_interval)
            now = self._clock.monotonic()
            self._fleet.watch(now, now - due if now - due > _LATE else 0.0)

    # --- what happens -------------------------------------------------------------------------------------------

    def _on_stored(self, endings: Sequence[WaitEnding], accepted: Collection[str]) -> None:
        self._look_for_room()
        if asked := [one for one in endings if one.asks]:
            self._spawn(self._answer(asked, accepted), "triggerer-stored")

    async def _answer(self, endings: Sequence[WaitEnding], accepted: Collection[str]) -> None:
        self._fleet.on_stored(await answer_to(endings, accepted, self._control))
        self._look_for_room()

    def _on_read(self, order: SaveCheckpoint) -> None:
        self._spawn(self._save(order), "triggerer-checkpoint")

    async def _save(self, order: SaveCheckpoint) -> None:
        await persistently(lambda: self._control.save_checkpoint(order), "store how far a stream was read")

    def _on_answered(self) -> None:
        self._look_for_room()

    def _look_for_room(self) -> None:
        self._offer()
        if self._wants_room:
            self._wants_room = False
            self._waits.wake()

    def _on_armed(self, start: ArmedStart) -> None:
        self._spawn(self._store_start(start), "triggerer-start")

    async def _store_start(self, start: ArmedStart) -> None:
        try:
            await persistently(lambda: self._control.arm_start(start), "store what a task waits for")
        except Fenced as error:
            _log.info("%s", error)
        except Exception as error:
            reason = f"what the task starts to wait for can't be stored: {error}"
            self._endings.add(WaitEnding(start.wait_id, start.token, None, reason, is_logged=False))

    async def _wind_up(self) -> None:
        self._along.close()
        await self._fleet.stop(self._grace)
        try:
            async with asyncio.timeout(max(self._grace, _LAST_WRITES)):
                await self._endings.flush()
                await persistently(self._control.release_waits, "release waits")
        except TimeoutError:
            _log.error(
                "the store was unavailable while the triggerer stopped: %d events of triggers are not stored; "
                "their triggers run again at the next start",
                self._endings.pending,
            )

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        assert self._tasks is not None
        return self._tasks.create_task(self._guard(work), name=name)

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        """A failure is reported, and ends nothing but `work`."""
        try:
            await work
        except Exception as error:
            self._report(error)

    def _report(self, error: Exception) -> None:
        self.last_error = f"{type(error).__name__}: {error}"
        self._failed_at = self._clock.monotonic()
        _log.error("the triggerer has failed: %s", self.last_error, exc_info=error)
