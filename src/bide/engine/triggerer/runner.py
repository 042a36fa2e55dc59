"""One trigger runner process, as the engine sees it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

import msgspec

from bide.engine.template import Runner, RunnerExit
from bide.engine.triggerer.pulse import Pulse
from bide.engine.triggerer.quarantine import TriggerClass, is_quarantine
from bide.engine.triggerer.shared_looks import SharedLooks
from bide.model.errors import ProtocolError
from bide.wire.async_channel import ChannelClosed
from bide.wire.messages import (
    TRIGGER_QUESTIONS,
    AnyMessage,
    ArmStarts,
    ArmTriggers,
    AskLooks,
    DropTriggers,
    Frame,
    Looks,
    LoopBlocked,
    OnKillDone,
    Ping,
    Reply,
    RunOnKill,
    StartLoad,
    Stop,
    TriggerDropped,
    TriggerLoad,
)
from bide.wire.stream_messages import EventsStored


class Lease(NamedTuple):
    """Under which a trigger is held, and its class; None for the making of a first wait."""

    token: int
    cls: TriggerClass | None


class RunnerProcess:
    """A runner's channel, what it holds, and the means to end it.

    Nothing here waits for the process, except where a coroutine says so. Sending to one that is gone does
    nothing: whoever reads :meth:`frames` learns of the end and deals with what the runner held.
    """

    def __init__(self, label: str, forked: Runner, *, group: int, now: float) -> None:
        self.label = label
        self.pid = forked.pid
        #: Triggers of different groups don't share a process (:mod:`bide.engine.triggerer.suspicion`).
        self.group = group
        self.pulse = Pulse()
        #: By wait id, in the order they were armed.
        self.armed: dict[str, Lease] = {}
        self._leases: dict[Lease, Lease] = {}
        #: The groups that those belong to.
        self.shared_looks = SharedLooks()
        #: It waits to be told what became of their events. They are armed until these are accepted.
        self.asking: set[str] = set()
        #: Dropped, and not yet cleaned up; and those of them that are to go elsewhere after that.
        self.dropping: set[str] = set()
        self.moving: set[str] = set()
        #: Who holds up its loop, as long as that has not turned again.
        self.blocked_by: LoopBlocked | None = None
        #: Triggers that it was given, and that the answer to a later ping has not confirmed yet.
        self.unconfirmed = 0
        self._given_since_ping = 0
        #: It was asked to end.
        self.stopping = False
        #: Its code is not what it would be now: it keeps what it holds.
        self.draining = False
        #: It was killed because its loop did not turn for so many seconds; else 0.
        self.blocked_for = 0.0
        self.stopped_at = 0.0
        #: When a block was last reported.
        self.reported_at = float("-inf")
        #: Answers in a row that told of fewer triggers than it was given.
        self.short_answers = 0
        self._idle_since: float | None = now
        self._channel = forked.channel
        self._exited = forked.exited
        self._requests: dict[int, asyncio.Future[AnyMessage]] = {}
        self._last_request = 0
        self._cancels: dict[str, asyncio.Future[str]] = {}

    @property
    def takes_more(self) -> bool:
        """Whether it may be given triggers."""
        return not (self.stopping or self.draining)

    @property
    def busy(self) -> bool:
        """Whether it holds, cleans up or cancels anything."""
        return bool(self.armed or self.dropping or self._cancels)

    def idle_for(self, now: float) -> float | None:
        """Seconds since when it was first seen without work; None while it has some."""
        if self.busy:
            self._idle_since = None
            return None
        if self._idle_since is None:
            self._idle_since = now
        return now - self._idle_since

    def holds(self, wait_id: str, token: int) -> bool:
        """Whether it holds this trigger, under this lease."""
        lease = self.armed.get(wait_id)
        return lease is not None and lease.token == token

    def of_class(self, cls: TriggerClass) -> list[str]:
        """The waits that it holds whose trigger is a `cls`."""
        return [wait_id for wait_id, lease in self.armed.items() if lease.cls == cls]

    def arm(self, loads: Sequence[TriggerLoad], batch: int) -> None:
        """Hand it triggers, `batch` in a message."""
        self.unconfirmed += len(loads)
        self._given_since_ping += len(loads)
        self._idle_since = None
        for load in loads:
            self._note(load.wait_id, Lease(load.token, TriggerClass(load.classpath, load.dag_folder)))
            self.shared_looks.add(load.wait_id, load.group_key)
        for start in range(0, len(loads), batch):
            self._send(ArmTriggers(tuple(loads[start : start + batch]), in_threads=is_quarantine(self.group)))

    def arm_starts(self, starts: Sequence[StartLoad], batch: int) -> None:
        """Have it make the first waits of tasks, `batch` in a message."""
        self._idle_since = None
        for start in starts:
            self._note(start.wait_id, Lease(start.token, None))
        for place in range(0, len(starts), batch):
            self._send(ArmStarts(tuple(starts[place : place + batch])))

    def _note(self, wait_id: str, lease: Lease) -> None:
        # One object for all that are equal: there may be a hundred thousand.
        self.armed[wait_id] = self._leases.setdefault(lease, lease)

    def reply(self, body: Reply, request: int) -> None:
        """Answer a question of its own."""
        self._send(body, request=request)

    def tell_stored(self, answer: EventsStored) -> None:
        """Tell it what became of the events for which it asked."""
        for wait_id in self.asking.intersection(answer.accepted):
            self.let_go(wait_id)
        mine = EventsStored(*(tuple(self.asking.intersection(ids)) for ids in msgspec.structs.astuple(answer)))
        if any(msgspec.structs.astuple(mine)):
            self.asking.difference_update(*msgspec.structs.astuple(mine))
            self._send(mine)

    def let_go(self, wait_id: str) -> None:
        """It holds this one no more."""
        self.armed.pop(wait_id, None)
        self.shared_looks.remove(wait_id)

    def drop(self, wait_ids: Sequence[str]) -> None:
        """Have it stop and clean up those of `wait_ids` that it holds."""
        mine = tuple(wait_id for wait_id in wait_ids if wait_id in self.armed)
        for wait_id in mine:
            self.let_go(wait_id)
        if mine:
            self.dropping.update(mine)
            self._send(DropTriggers(mine))

    def move(self, wait_ids: Sequence[str]) -> None:
        """Have it stop and clean up these; each is told of by :meth:`frames` when it may go elsewhere."""
        self.moving.update(wait_id for wait_id in wait_ids if wait_id in self.armed)
        self.drop(wait_ids)

    def ping(self, now: float) -> None:
        """Ask whether its loop turns, unless an answer is outstanding."""
        number = self.pulse.ping(now)
        if number is not None:
            self._given_since_ping = 0
            self._send(Ping(number))

    def answer(self, number: int, now: float) -> float:
        """An answer came: seconds for which the loop did not turn before it, as far as can be seen."""
        self.unconfirmed = self._given_since_ping
        return self.pulse.pong(number, now)

    def stop(self, now: float) -> None:
        """Ask it to clean up and exit."""
        if not self.stopping:
            self.stopping = True
            self.stopped_at = now
            self._send(Stop())

    def kill(self) -> None:
        """End it at once; its frames end then, too."""
        self._send_sigkill()
        self._channel.close()

    async def looks(self, wait_ids: Sequence[str], timeout: float) -> Looks:
        """When it looks next, and what it sees; nothing from one that does not answer in time."""
        self._last_request += 1
        number = self._last_request
        answer: asyncio.Future[AnyMessage] = asyncio.get_running_loop().create_future()
        self._requests[number] = answer
        self._send(AskLooks(tuple(wait_ids)), request=number)
        try:
            async with asyncio.timeout(timeout):
                body = await answer
        except (TimeoutError, ChannelClosed):
            return Looks({})
        finally:
            del self._requests[number]
        return body if isinstance(body, Looks) else Looks({})

    async def run_on_kill(self, obligation: RunOnKill) -> str:
        """Have external work cancelled: empty, or the error. :class:`ChannelClosed` if the process ends first."""
        self._idle_since = None
        done: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._cancels[obligation.obligation_id] = done
        try:
            self._send(obligation)
            return await done
        finally:
            del self._cancels[obligation.obligation_id]

    async def frames(self) -> AsyncIterator[Frame]:
        """What it sends, apart from answers to this class's own questions, until its channel ends."""
        try:
            while True:
                frame = await self._channel.receive()
                if not self._take(frame):
                    yield frame
        except (ChannelClosed, ProtocolError) as error:
            gone = ChannelClosed(f"the trigger runner ended: {error}")
        for future in [*self._requests.values(), *self._cancels.values()]:
            if not future.done():
                future.set_exception(gone)

    async def see_it_end(self, timeout: float) -> RunnerExit | None:
        """After its channel has ended: how the process ended, or None if it did not within `timeout` seconds.

        One that was not asked to stop is killed, in case only its channel broke.
        """
        self._channel.close()
        if not self.stopping:
            self._send_sigkill()
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.shield(self._exited)
        except TimeoutError:
            self._send_sigkill()
            return None

    def _take(self, frame: Frame) -> bool:
        """Whether `frame` was an answer to a question of this class."""
        match frame.body:
            case TriggerDropped(wait_id=wait_id):
                self.dropping.discard(wait_id)
                # What goes elsewhere now is for the fleet to know.
                return wait_id not in self.moving and wait_id not in self.armed
            case OnKillDone(obligation_id=obligation_id, error=error):
                cancel = self._cancels.get(obligation_id)
                if cancel is not None and not cancel.done():
                    cancel.set_result(error)
            case body if isinstance(body, TRIGGER_QUESTIONS):
                return False  # a question, whose number is its own
            case _ if (request := self._requests.get(frame.request)) is not None:
                if not request.done():
                    request.set_result(frame.body)
            case _:
                return False
        return True

    def _send(self, body: AnyMessage, *, request: int = 0) -> None:
        # A closed channel is seen by whoever reads the frames.
        with contextlib.suppress(ChannelClosed):
            self._channel.send(body, request=request)

    def _send_sigkill(self) -> None:
        if not self._exited.done():
            # It may be gone already, and its parent about to say so.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
