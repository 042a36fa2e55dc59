"""A scripted trigger runner and a control without a database, for tests of the triggerer.

A fake runner is two things under one label: a real idle process, so that signals and deaths are real, and the other
end of its channel, spoken by the test's own event loop.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from bide.control.accept_event import WaitEnding
from bide.control.arm_starts import ArmedStart
from bide.engine.template import Runner, RunnerExit, TemplateUnavailable
from bide.model.errors import InvalidArgument, StoreUnavailable
from bide.store import Bell
from bide.wire.async_channel import AsyncChannel, ChannelClosed
from bide.wire.messages import (
    AnyMessage,
    ArmTriggers,
    AskLooks,
    DropTriggers,
    Frame,
    InstanceKey,
    Looks,
    LoopBlocked,
    OnKillDone,
    Outcome,
    Ping,
    Pong,
    Refused,
    Reply,
    Retiring,
    RunOnKill,
    StartLoad,
    Stop,
    TriggerDropped,
    TriggerEnded,
    TriggerLoad,
)
from bide.wire.stream_messages import EventsStored, MessageKey, SaveCheckpoint


class Changes:
    """Lets a test wait until something is the case, without polling."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def note(self) -> None:
        self._event.set()

    async def until(self, check: Callable[[], bool], what: str, timeout: float = 10.0) -> None:
        try:
            async with asyncio.timeout(timeout):
                while not check():
                    self._event.clear()
                    await self._event.wait()
        except TimeoutError:
            raise AssertionError(f"not within {timeout} s: {what}") from None


def make_load(wait_id: str, token: int = 1) -> TriggerLoad:
    """Its class is ``triggers.Trigger``, or ``triggers.Bad`` for ids that begin with ``bad``."""
    return TriggerLoad(
        wait_id=wait_id,
        token=token,
        kind="stream",
        classpath="triggers.Bad" if wait_id.startswith("bad") else "triggers.Trigger",
        kwargs=b"{}",
        instance=InstanceKey(f"instance-{wait_id}", "dag", "run", "task"),
        try_number=1,
        dag_file="/dags/dag.py",
        dag_folder="/dags",
        log_path="/logs/task.log",
    )


class FakeRunner:
    """One runner. By itself it holds what it is given, answers pings and cleans up; the rest is the test's."""

    def __init__(self, label: str, process: asyncio.subprocess.Process, changes: Changes) -> None:
        self.label = label
        self.process = process
        self.armed: dict[str, TriggerLoad] = {}
        self.dropped: list[str] = []
        self.cancelled: list[str] = []
        self.stopped = False
        self.pings = 0
        #: Its loop is stuck: it answers nothing and keeps pings for later.
        self.stuck = False
        #: Ids that kill the process as soon as they are armed, and such as block its loop.
        self.deadly: Collection[str] = ()
        self.blocking: Collection[str] = ()
        #: It forgets triggers: how many it says it holds, if that is not the truth.
        self.says_it_holds: int | None = None
        self.ignores_stop = False
        #: Why it takes no more triggers.
        self.leaves_to_others = ""
        #: Those that it was given to run in threads.
        self.in_threads: set[str] = set()
        #: What it was told of events for which it asked.
        self.stored: list[EventsStored] = []
        #: Done by triggers while it stops.
        self.on_stop: Callable[[], None] = lambda: None
        self.unanswered: list[Ping] = []
        #: What ``on_kill()`` ends with; None: it never ends.
        self.on_kill_error: str | None = ""
        self.exited: asyncio.Future[RunnerExit] = asyncio.get_running_loop().create_future()
        self._channel: AsyncChannel | None = None
        self._changes = changes

    @property
    def alive(self) -> bool:
        return not self.exited.done()

    def end(self, wait_id: str, payload: bytes = b"null", *, error: str = "") -> None:
        """The trigger yields an event, or fails."""
        load = self.armed.pop(wait_id)
        outcome = None if error else Outcome("event", payload)
        self.send(TriggerEnded(wait_id, load.token, outcome, error))

    def offer(self, wait_id: str, payload: bytes = b"null", message: MessageKey | None = None) -> None:
        """A wait for a message of a stream has its event, and goes on only when it knows what became of it."""
        token = self.armed[wait_id].token
        self.send(TriggerEnded(wait_id, token, Outcome("event", payload), message=message, asks=True))

    def send(self, body: AnyMessage, request: int = 0) -> None:
        assert self._channel is not None
        self._channel.send(body, request=request)

    def block(self, wait_id: str) -> None:
        """The trigger holds up the loop, and the thread beside it says so."""
        self.stuck = True
        load = self.armed[wait_id]
        self.send(LoopBlocked(wait_id, load.classpath, load.dag_folder))

    def say_dropped(self, wait_id: str) -> None:
        """The trigger is cleaned up."""
        del self.armed[wait_id]
        self.send(TriggerDropped(wait_id))

    def die(self, number: signal.Signals = signal.SIGSEGV) -> None:
        # Not by methods of the process: they look for its end, and asyncio then misses the exit code.
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, number)

    def come_back(self) -> None:
        """The loop turns again."""
        self.stuck = False
        for ping in self.unanswered:
            self._answer(ping.number)
        self.unanswered.clear()

    async def speak(self, sock: socket.socket) -> None:
        self._channel = await AsyncChannel.open(sock)
        try:
            while self.alive:
                self._take(await self._channel.receive())
                self._changes.note()
        except ChannelClosed:
            self.die(signal.SIGKILL)
        finally:
            self._channel.close()

    async def see_it_end(self, with_template: Callable[[], bool]) -> None:
        status = await self.process.wait()
        if self._channel is not None:
            self._channel.close()
        self.exited.set_result(RunnerExit(status, with_template=with_template()))
        self._changes.note()

    def _answer(self, number: int) -> None:
        self.send(Pong(number, len(self.armed) if self.says_it_holds is None else self.says_it_holds))

    def _take(self, frame: Frame) -> None:
        match frame.body:
            case ArmTriggers(triggers=loads) if self.leaves_to_others:
                self.send(Retiring(self.leaves_to_others))
                for load in loads:
                    self.send(TriggerDropped(load.wait_id))
            case ArmTriggers(triggers=loads, in_threads=in_threads):
                self.armed.update((load.wait_id, load) for load in loads)
                if in_threads:
                    self.in_threads.update(load.wait_id for load in loads)
                if any(load.wait_id in self.deadly for load in loads):
                    self.die()
                if any(load.wait_id in self.blocking for load in loads):
                    self.stuck = True
            case DropTriggers(wait_ids=wait_ids):
                for wait_id in wait_ids:
                    self.armed.pop(wait_id, None)
                    self.dropped.append(wait_id)
                    self.send(TriggerDropped(wait_id))
            case EventsStored(accepted=accepted) as answer:
                for wait_id in accepted:
                    del self.armed[wait_id]
                self.stored.append(answer)
            case Ping(number=number) as ping:
                self.pings += 1
                if self.stuck:
                    self.unanswered.append(ping)
                else:
                    self._answer(number)
            case AskLooks(wait_ids=wait_ids):
                if not self.stuck:
                    self.send(Looks(dict.fromkeys(wait_ids, 1000.0)), frame.request)
            case RunOnKill(obligation_id=obligation_id):
                self.cancelled.append(obligation_id)
                if self.on_kill_error is not None:
                    self.send(OnKillDone(obligation_id, self.on_kill_error))
            case Stop():
                self.stopped = True
                self.on_stop()
                if not self.ignores_stop:
                    self.die(signal.SIGTERM)
            case unexpected:
                raise AssertionError(f"a trigger runner can't be told {unexpected}")


class FakeSource:
    """Stands for the template process."""

    def __init__(self, changes: Changes) -> None:
        self.runners: list[FakeRunner] = []
        self.unavailable = False
        self.template_died = False
        self._changes = changes
        self._tasks: list[asyncio.Task[None]] = []

    def prepare(self, runner: FakeRunner) -> None:
        """Called with each new runner before it is given anything; tests replace it."""

    async def fork(self, role: str, label: str) -> Runner:
        assert role == "trigger"
        if self.unavailable:
            raise TemplateUnavailable("no runner can be started: this is a test")
        process = await asyncio.create_subprocess_exec("sleep", "600")
        ours, theirs = socket.socketpair()
        runner = FakeRunner(label, process, self._changes)
        self.prepare(runner)
        self.runners.append(runner)
        self._tasks.append(asyncio.create_task(runner.speak(theirs)))
        self._tasks.append(asyncio.create_task(runner.see_it_end(lambda: self.template_died)))
        self._changes.note()
        return Runner(await AsyncChannel.open(ours), process.pid, runner.exited)

    @property
    def alive(self) -> list[FakeRunner]:
        return [runner for runner in self.runners if runner.alive]

    def holder(self, wait_id: str) -> FakeRunner:
        """The live runner that holds this trigger."""
        (runner,) = [runner for runner in self.alive if wait_id in runner.armed]
        return runner

    def held(self) -> set[str]:
        return {wait_id for runner in self.alive for wait_id in runner.armed}

    async def close(self) -> None:
        for runner in self.alive:
            runner.die(signal.SIGKILL)
        await asyncio.gather(*self._tasks)


@dataclass
class FakeWait:
    token: int = 0
    claimed: bool = False


@dataclass
class FakeControl:
    """The store, as one engine's triggerer sees it."""

    bell: Bell
    changes: Changes
    waits: dict[str, FakeWait] = field(default_factory=dict)
    accepted: dict[str, WaitEnding] = field(default_factory=dict)
    refused: list[WaitEnding] = field(default_factory=list)
    #: Number of endings, and of claimed waits, per call that had any.
    writes: list[int] = field(default_factory=list)
    claims: list[int] = field(default_factory=list)
    obligations: list[RunOnKill] = field(default_factory=list)
    settled: list[tuple[str, str]] = field(default_factory=list)
    released_all: bool = False
    #: Tasks that start from their trigger, and what was found that they wait for.
    starts: list[StartLoad] = field(default_factory=list)
    armed: list[ArmedStart] = field(default_factory=list)
    #: Messages that have had their wait, and how far streams were read.
    messages_taken: set[MessageKey] = field(default_factory=set)
    checkpoints: list[SaveCheckpoint] = field(default_factory=list)
    #: Waits whose events can't be stored.
    unstorable: set[str] = field(default_factory=set)
    #: Calls that still fail.
    outages: int = 0
    #: While it is clear, endings wait to be written.
    may_write: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_write.set()

    def defer(self, *wait_ids: str) -> None:
        """Tasks begin to wait."""
        for wait_id in wait_ids:
            self.waits[wait_id] = FakeWait()
        self.bell.ring("waits")

    def end_from_outside(self, *wait_ids: str) -> None:
        for wait_id in wait_ids:
            del self.waits[wait_id]
        self.bell.ring("drops")

    def cancel(self, obligation_id: str) -> None:
        self.obligations.append(RunOnKill(obligation_id, make_load(f"wait-of-{obligation_id}", 0)))
        self.bell.ring("cancels")

    async def claim_waits(self, limit: int) -> list[TriggerLoad]:
        self._maybe_fail()
        free = [(wait_id, wait) for wait_id, wait in self.waits.items() if not wait.claimed][:limit]
        for _, wait in free:
            wait.claimed = True
            wait.token += 1
        if free:
            self.claims.append(len(free))
        return [make_load(wait_id, wait.token) for wait_id, wait in free]

    async def claim_watchers(self, limit: int) -> list[TriggerLoad]:
        return []

    async def next_watcher(self) -> datetime | None:
        return None

    async def claim_starts(self, limit: int) -> list[StartLoad]:
        self._maybe_fail()
        taken, self.starts = self.starts[:limit], self.starts[limit:]
        return taken

    async def arm_start(self, start: ArmedStart) -> None:
        self._maybe_fail()
        if start.wait_id in self.unstorable:
            raise InvalidArgument("a timer needs a moment")
        self.armed.append(start)
        self.changes.note()

    async def answer(self, frame: Frame) -> Reply:
        self._maybe_fail()
        return Refused("nobody asked")

    async def release_waits(self, wait_ids: Sequence[str] | None = None) -> None:
        self._maybe_fail()
        self.released_all = self.released_all or wait_ids is None
        for wait_id in self.waits if wait_ids is None else wait_ids:
            if wait_id in self.waits and self.waits[wait_id].claimed:
                self.waits[wait_id].claimed = False
                self.waits[wait_id].token += 1
        self.bell.ring("waits")
        self.changes.note()

    async def held_waits(self) -> set[str]:
        self._maybe_fail()
        return {wait_id for wait_id, wait in self.waits.items() if wait.claimed}

    async def taken(self, messages: Collection[MessageKey]) -> set[MessageKey]:
        return self.messages_taken.intersection(messages)

    async def save_checkpoint(self, order: SaveCheckpoint) -> bool:
        self._maybe_fail()
        self.checkpoints.append(order)
        self.changes.note()
        return True

    async def accept_many(self, endings: Sequence[WaitEnding]) -> set[str]:
        await self.may_write.wait()
        self._maybe_fail()
        bad = [one.wait_id for one in endings if one.wait_id in self.unstorable and one.outcome is not None]
        if bad:
            raise LookupError(f"no row for {bad[0]}")
        self.writes.append(len(endings))
        good: set[str] = set()
        for ending in endings:
            wait = self.waits.get(ending.wait_id)
            taken = ending.message is not None and ending.message in self.messages_taken
            if wait is not None and wait.token == ending.token and not taken:
                del self.waits[ending.wait_id]
                self.accepted[ending.wait_id] = ending
                good.add(ending.wait_id)
            else:
                self.refused.append(ending)
        self.changes.note()
        return good

    async def claim_obligations(self, limit: int) -> list[RunOnKill]:
        self._maybe_fail()
        taken, self.obligations = self.obligations[:limit], self.obligations[limit:]
        return taken

    async def next_obligation(self) -> datetime | None:
        return None

    async def settle(self, order: RunOnKill, error: str) -> None:
        self._maybe_fail()
        self.settled.append((order.obligation_id, error))
        self.changes.note()

    def _maybe_fail(self) -> None:
        if self.outages > 0:
            self.outages -= 1
            raise StoreUnavailable("store sqlite:///test.db: the disk is full")


def names(count: int, start: int = 0) -> list[str]:
    """Wait ids."""
    return [f"w{number:05d}" for number in range(start, start + count)]
