"""The trigger runner processes: started when needed, watched, and buried."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Sequence
from typing import Any, Final, TypeVar

from bide.control.accept_event import WaitEnding
from bide.control.arm_starts import ArmedStart
from bide.engine.template import TemplateUnavailable
from bide.engine.triggerer import live, placement
from bide.engine.triggerer.contract import RunnerSource
from bide.engine.triggerer.placement import ARMING, CANCELS
from bide.engine.triggerer.quarantine import Quarantine, TriggerClass
from bide.engine.triggerer.reports import (
    describe_conviction,
    report_block,
    report_death,
    report_given_up,
    report_quarantine,
    report_short,
)
from bide.engine.triggerer.runner import RunnerProcess
from bide.engine.triggerer.settings import TriggererSettings
from bide.engine.triggerer.stored_events import ending_of
from bide.engine.triggerer.suspicion import NO_GROUP, Suspicion, Verdict
from bide.model.clock import Clock
from bide.model.dag_modules import shown
from bide.wire.async_channel import ChannelClosed
from bide.wire.messages import (
    TRIGGER_QUESTIONS,
    Frame,
    Looks,
    LoopBlocked,
    Pong,
    Reply,
    Retiring,
    RunOnKill,
    StartArmed,
    StartLoad,
    TriggerDropped,
    TriggerEnded,
    TriggerLoad,
)
from bide.wire.stream_messages import EventsStored, SaveCheckpoint

_log = logging.getLogger(__name__)

#: What a runner can be given.
L = TypeVar("L", TriggerLoad, StartLoad)

#: Answers in a row in which a runner holds fewer triggers than it was given, before it is given up.
_SHORT_ANSWERS: Final = 3


class Fleet:
    """All runners of one triggerer."""

    def __init__(
        self,
        source: RunnerSource,
        settings: TriggererSettings,
        clock: Clock,
        spawn: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]],
        *,
        session: str,
        ended: Callable[[WaitEnding], None],
        armed: Callable[[ArmedStart], None],
        answer: Callable[[Frame], Awaitable[Reply]],
        read: Callable[[SaveCheckpoint], None],
        lost: Callable[[float, Sequence[str]], None],
        answered: Callable[[], None],
    ) -> None:
        """Callbacks: `ended`, a trigger has ended under a good lease; `armed`, so has the making of a first wait;
        `answer`, a runner asks something; `read`, it has read a stream so far; `lost`, these waits have no process
        and should be released after so many seconds; `answered`, a runner has shown that its loop turns.
        """
        self._source = source
        self._settings = settings
        self._clock = clock
        self._spawn = spawn
        self._ended = ended
        self._armed = armed
        self._answer = answer
        self._read = read
        self._lost = lost
        self._answered = answered
        self._suspicion = Suspicion()
        self.quarantine = Quarantine(at_once=settings.quarantine_after, together=settings.quarantine_total)
        self._runners: dict[str, RunnerProcess] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self._labels = (f"trigger-{session[-12:]}-{number}" for number in itertools.count(1))
        self._starting = asyncio.Lock()
        self._stopping = False
        #: When :meth:`watch` is to be called next.
        self.next_watch = float("inf")
        #: Set while there is any process to watch.
        self.populated = asyncio.Event()

    # --- questions ----------------------------------------------------------------------------------------------

    @property
    def holding(self) -> int:
        """How many triggers the runners hold."""
        return sum(len(runner.armed) for runner in self._runners.values())

    def held(self) -> list[str]:
        """Wait ids of all triggers that runners hold."""
        return [wait_id for runner in self._runners.values() for wait_id in runner.armed]

    def pids(self) -> list[int]:
        """Process ids of all runners."""
        return [runner.pid for runner in self._runners.values()]

    def where(self, wait_ids: Iterable[str]) -> dict[str, str]:
        """Label of the runner by wait id, for those that one holds."""
        return live.where(wait_ids, self._runners.values())

    def keeps_up(self) -> bool:
        """Whether every loop has answered in time since it was given its last triggers."""
        return placement.keep_up(self._runners.values(), self._settings)

    async def looks(self, wait_ids: Collection[str]) -> Looks:
        """When polls are looked at next, in Unix seconds, and what is seen, as far as runners answer in time."""
        return await live.looks(wait_ids, self._runners.values(), self._settings.answer_timeout)

    # --- work ---------------------------------------------------------------------------------------------------

    async def arm(self, loads: Iterable[TriggerLoad]) -> None:
        """Hand triggers to runners, starting such as are needed. What can't be placed is lost for a while.

        Triggers of one group go to the same runner, where they share their looks, unless one is a suspect.
        """
        alone: list[TriggerLoad] = []
        by_runner: dict[str, list[TriggerLoad]] = {}
        for load in loads:
            under_suspicion = self._group_of(load) != NO_GROUP
            holder = None if under_suspicion else placement.holder_of(load.group_key, self._runners.values())
            if holder is None:
                alone.append(load)
            else:
                by_runner.setdefault(holder.label, []).append(load)
        for label, members in by_runner.items():
            self._runners[label].arm(members, self._settings.arm_batch)
        await self._place(alone, lambda runner, members: runner.arm(members, self._settings.arm_batch))

    async def _place(self, loads: Iterable[L], hand_over: Callable[[RunnerProcess, Sequence[L]], None]) -> None:
        groups: dict[int, list[L]] = {}
        for load in loads:
            groups.setdefault(self._group_of(load), []).append(load)
        for group, members in groups.items():
            try:
                runner = await (self._shared() if group == NO_GROUP else self._apart(group))
            except TemplateUnavailable as error:
                _log.error("%d triggers have to wait for a process: %s", len(members), error)
                runner = None
            if runner is None:
                self._lost(self._settings.safety_poll, [load.wait_id for load in members])
            else:
                hand_over(runner, members)

    def _group_of(self, load: TriggerLoad | StartLoad) -> int:
        group = self._suspicion.group_of(load.wait_id)
        if group != NO_GROUP or isinstance(load, StartLoad):
            return group
        return self.quarantine.group_of(TriggerClass(load.classpath, load.dag_folder), self._clock.monotonic())

    async def arm_starts(self, starts: Sequence[StartLoad]) -> None:
        """Hand tasks to runners that start from their trigger, as :meth:`arm` does with triggers."""
        await self._place(starts, lambda runner, members: runner.arm_starts(members, self._settings.arm_batch))

    def drop(self, wait_ids: Sequence[str]) -> None:
        """Have these stopped and cleaned up, as far as a runner holds them."""
        for wait_id in wait_ids:
            self._suspicion.forget(wait_id)
        for runner in self._runners.values():
            runner.drop(wait_ids)

    def on_stored(self, answer: EventsStored) -> None:
        """Tell the runners that wait for it what became of events of streams."""
        for wait_id in answer.accepted:
            self._suspicion.forget(wait_id)
        for runner in self._runners.values():
            runner.tell_stored(answer)

    async def run_on_kill(self, obligation: RunOnKill) -> str:
        """Have external work cancelled: empty, or one line that says what went wrong."""
        limit = self._settings.on_kill_timeout
        runner: RunnerProcess | None = None
        try:
            runner = await self._find_or_start(CANCELS)
            async with asyncio.timeout(limit):
                return await runner.run_on_kill(obligation)
        except TimeoutError:
            if runner is not None and not runner.busy:
                runner.kill()
            return f"on_kill() of {shown(obligation.load.classpath)} did not end within {limit:g} s"
        except ChannelClosed:
            return f"the process ended while it ran on_kill() of {shown(obligation.load.classpath)}"
        except TemplateUnavailable as error:
            return str(error)

    # --- life of the processes ----------------------------------------------------------------------------------

    def watch(self, now: float, late: float) -> None:
        """Ping, give up those that do not answer, stop those without work.

        `late`: seconds for which the engine itself did not listen.
        """
        for runner in list(self._runners.values()):
            runner.pulse.excuse(late)
            idle = runner.idle_for(now)
            if runner.stopping:
                if now - runner.stopped_at > self._settings.death_timeout and not self._stopping:
                    runner.kill()
            elif (unanswered := runner.pulse.unanswered(now)) > placement.patience(
                runner, self._settings, self._suspicion
            ):
                self._give_up(runner, unanswered, now)
            elif idle is not None and idle >= placement.idle_limit(runner, self._settings):
                runner.stop(now)
            elif idle is None or now - runner.pulse.asked_at >= self._settings.heartbeat:
                runner.ping(now)

    def _give_up(self, runner: RunnerProcess, unanswered: float, now: float) -> None:
        report_given_up(runner, unanswered)
        runner.blocked_for = unanswered
        self._note_block(runner, unanswered, now)
        runner.kill()

    def _note_block(self, runner: RunnerProcess, seconds: float, now: float) -> bool:
        """The loop of `runner` was blocked for so long: whether that sends a class to quarantine."""
        culprit = runner.blocked_by
        if culprit is None or runner.group != NO_GROUP:
            return False
        cls = TriggerClass(culprit.classpath, culprit.dag_folder)
        if not self.quarantine.note_block(cls, seconds, now, source=culprit.source, stamp=culprit.stamp):
            return False
        report_quarantine(cls, runner, seconds)
        return True

    async def stop(self, grace: float) -> None:
        """Ask all runners to clean up and exit, kill those that are left after `grace` seconds."""
        self._stopping = True
        for runner in self._runners.values():
            runner.stop(self._clock.monotonic())
        if self._serving:
            await asyncio.wait(self._serving, timeout=grace)
        for runner in self._runners.values():
            _log.warning("trigger runner %s did not stop within %g s; killing it", runner.label, grace)
            runner.kill()
        if self._serving:
            await asyncio.wait(self._serving)

    def kill(self) -> None:
        """End all runners at once, whatever they hold."""
        for runner in self._runners.values():
            runner.kill()

    async def _shared(self) -> RunnerProcess:
        async with self._starting:
            chosen = placement.choose_shared(self._runners.values(), self._settings, self._clock.monotonic())
            return await self._start(NO_GROUP) if chosen is None else chosen

    async def _apart(self, group: int) -> RunnerProcess | None:
        """The runner for a group that is kept apart; None if there are too many already."""
        if not placement.has_room_apart(self._runners.values(), group, self._settings):
            return None
        return await self._find_or_start(group)

    async def _find_or_start(self, group: int) -> RunnerProcess:
        async with self._starting:
            for runner in self._runners.values():
                if runner.group == group and runner.takes_more:
                    return runner
            return await self._start(group)

    async def _start(self, group: int) -> RunnerProcess:
        label = next(self._labels)
        forked = await self._source.fork("trigger", label)
        runner = RunnerProcess(label, forked, group=group, now=self._clock.monotonic())
        self._runners[label] = runner
        self.populated.set()
        task = self._spawn(self._serve(runner), label)
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        _log.debug("started trigger runner %s, process %d", label, forked.pid)
        return runner

    async def _serve(self, runner: RunnerProcess) -> None:
        """Take what `runner` sends until it is gone, then deal with what it held."""
        async for frame in runner.frames():
            try:
                self._take(runner, frame)
            except Exception:
                _log.exception("%s of %s can't be dealt with", type(frame.body).__name__, runner.label)
        del self._runners[runner.label]
        if not self._runners:
            self.populated.clear()
        how = await runner.see_it_end(self._settings.death_timeout)
        if self._stopping or not (runner.armed or runner.moving):
            return
        held = list(runner.armed)
        report_death(runner, how)
        self._lost(0.0, list(runner.moving))
        if runner.stopping or (how is not None and how.with_template) or self._is_explained(runner):
            # It did not die on these triggers' account.
            self._lost(0.0, held)
            return
        verdict = self._suspicion.process_died(held, self._clock.monotonic(), blocked=runner.blocked_for > 0.0)
        self._carry_out(verdict, runner, describe_conviction(runner, how, verdict))

    def _is_explained(self, runner: RunnerProcess) -> bool:
        """Whether it was killed on account of a class that is in quarantine now."""
        culprit = runner.blocked_by
        if culprit is None or not runner.blocked_for or runner.group != NO_GROUP:
            return False
        cls = TriggerClass(culprit.classpath, culprit.dag_folder)
        return self.quarantine.group_of(cls, self._clock.monotonic()) != NO_GROUP

    def _carry_out(self, verdict: Verdict, runner: RunnerProcess, reason: str) -> None:
        for wait_id in verdict.convicted:
            _log.error("wait %s fails: %s", wait_id, reason)
            self._ended(WaitEnding(wait_id, runner.armed[wait_id].token, None, reason, is_logged=False))
        for pause, wait_ids in verdict.rearm:
            self._lost(pause, wait_ids)

    def _take(self, runner: RunnerProcess, frame: Frame) -> None:
        # When the engine's own loop was held up, this frame has been there since about the missed look.
        now = min(self._clock.monotonic(), max(self.next_watch, runner.pulse.asked_at))
        match frame.body:
            case TriggerEnded(wait_id=wait_id, token=token) as said:
                runner.pulse.frame(now)
                if said.asks:
                    runner.asking.add(wait_id)
                if runner.holds(wait_id, token):
                    if not said.asks:
                        runner.let_go(wait_id)
                        self._suspicion.forget(wait_id)
                    self._ended(ending_of(said))
                elif said.asks:
                    runner.tell_stored(EventsStored(refused=(wait_id,)))
            case SaveCheckpoint() as order:
                self._read(order)
            case StartArmed(wait_id=wait_id, token=token, defer=defer):
                runner.pulse.frame(now)
                if runner.holds(wait_id, token):
                    runner.let_go(wait_id)
                    self._suspicion.forget(wait_id)
                    self._armed(ArmedStart(wait_id, token, defer))
            case TriggerDropped(wait_id=wait_id):
                runner.let_go(wait_id)
                runner.moving.discard(wait_id)
                self._lost(0.0, [wait_id])
            case Retiring(reason=reason):
                self._drain(runner, reason)
            case LoopBlocked():
                runner.blocked_by = frame.body
            case body if isinstance(body, TRIGGER_QUESTIONS):
                self._spawn(self._reply(runner, frame), f"answer-{runner.label}")
            case Pong(number=number, holding=holding):
                self._judge_answer(runner, number, holding, now)
                self._answered()
            case unexpected:
                _log.error("%s sent a %s, which it never should", runner.label, type(unexpected).__name__)

    def _drain(self, runner: RunnerProcess, reason: str) -> None:
        """It gets no further triggers. Those it has stay, unless others before it still have theirs."""
        if runner.draining:
            return
        runner.draining = True
        _log.info("%s: %s; its %d triggers stay, new ones go elsewhere", runner.label, reason, len(runner.armed))
        for oldest in placement.drain_too_long(self._runners.values(), self._settings):
            oldest.move(list(oldest.armed))

    async def _reply(self, runner: RunnerProcess, frame: Frame) -> None:
        runner.reply(await self._answer(frame), frame.request)

    def _judge_answer(self, runner: RunnerProcess, number: int, holding: int, now: float) -> None:
        allowed = self._settings.blocked_after + runner.unconfirmed * ARMING
        quiet = runner.answer(number, now)
        if quiet > allowed:
            runner.pulse.note_block(quiet, now)
            report_block(runner, quiet, now, self._settings.report_interval)
            if self._note_block(runner, quiet, now) and runner.blocked_by is not None:
                culprit = runner.blocked_by
                runner.move(runner.of_class(TriggerClass(culprit.classpath, culprit.dag_folder)))
        runner.blocked_by = None
        short = runner.unconfirmed == 0 and holding < len(runner.armed)
        runner.short_answers = runner.short_answers + 1 if short else 0
        if runner.short_answers >= _SHORT_ANSWERS:
            report_short(runner, holding)
            runner.kill()
