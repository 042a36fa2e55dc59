"""A worker process with many async tasks, as the engine sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog

from bide.engine.executors.contract import TaskControl
from bide.engine.template import Runner, RunnerExit
from bide.model.errors import ProtocolError
from bide.observe.leftovers import kill_group
from bide.wire.frames import ChannelClosed
from bide.wire.loop_messages import CancelTask, TaskBlocks
from bide.wire.messages import (
    CallbacksDone,
    Defer,
    Finish,
    Frame,
    Ok,
    Refused,
    Reply,
    Reschedule,
    Retiring,
    RunTask,
    StaleCode,
)

log = structlog.get_logger("bide.executor")

#: Seconds that a worker without a channel gets to end by itself.
_EXIT_PATIENCE: Final = 2.0


@dataclass(slots=True)
class Held:
    """A task that the process has."""

    task: RunTask
    #: Its final request is being answered.
    finishing: bool = False
    #: It has ended, or is about to, and calls callbacks and listeners then.
    calling: bool = False

    @property
    def reported(self) -> bool:
        """It has said how it ends; only the answer, or callbacks, are still to come."""
        return self.finishing or self.calling


class SharedOwner(Protocol):
    """Who hears of a worker. These are called on the event loop and must not block."""

    def on_ended(self, worker: SharedWorker, task: RunTask) -> None:
        """`task` has ended as the store knows."""
        ...

    def on_kept(self, worker: SharedWorker, task: RunTask) -> None:
        """Its final request was refused and it goes on."""
        ...

    def on_fenced(self, worker: SharedWorker, task: RunTask) -> None:
        """A request was refused because `task` has moved on."""
        ...

    def on_stale(self, worker: SharedWorker, task: RunTask) -> None:
        """`task` was not begun: it needs a fresh process."""
        ...

    def on_blocks(self, task: RunTask) -> None:
        """Its coroutine holds up the others."""
        ...


class SharedWorker:
    """A forked task runner that runs the async tasks of one DAG file."""

    def __init__(self, label: str, file: str, runner: Runner, control: TaskControl, owner: SharedOwner) -> None:
        self.label = label
        self.file = file
        self.pid = runner.pid
        #: By instance id.
        self.held: dict[str, Held] = {}
        #: What is being started for it.
        self.reserved = 0
        #: It gets no further task.
        self.sealed = False
        #: Who has held up the others, and is still there.
        self.blocking: set[str] = set()
        #: Tasks that it has ended.
        self.ended = 0
        #: Whether the engine has killed it.
        self.was_killed = False
        self._runner = runner
        self._channel = runner.channel
        self._control = control
        self._owner = owner
        self._answering: set[asyncio.Task[None]] = set()

    @property
    def load(self) -> int:
        """Tasks that it has, or is about to have."""
        return len(self.held) + self.reserved

    def run(self, task: RunTask) -> None:
        """Send it one more task; ChannelClosed if it is gone."""
        self._channel.send(task, instance=task.instance.id, epoch=task.epoch)
        self.held[task.instance.id] = Held(task)

    def cancel(self, task: RunTask) -> None:
        """Ask it to end one of its tasks."""
        with suppress(ChannelClosed):
            self._channel.send(CancelTask(), instance=task.instance.id, epoch=task.epoch)

    def retire(self) -> None:
        """Let it exit; it runs nothing."""
        self.sealed = True
        self._channel.close()

    async def kill(self) -> None:
        """Kill it with all that it runs. What it had sent before is still answered."""
        self.sealed = self.was_killed = True
        await self._runner.end(0.0)

    async def serve(self) -> RunnerExit:
        """Answer its requests until it is gone; how it ended. :attr:`held` is then what it had not ended."""
        try:
            # The end of the channel is how it goes, in good order or not; the template tells which.
            with suppress(ChannelClosed):
                while True:
                    self._take(await self._channel.receive())
        except ProtocolError as error:
            log.error("worker_unreadable", worker=self.label, error=str(error))
            kill_group(self.pid)
        self.sealed = True
        while self._answering:
            await asyncio.wait(self._answering)
        self._channel.close()
        return await self._runner.end(_EXIT_PATIENCE)

    def _take(self, frame: Frame) -> None:
        held = self.held.get(frame.instance)
        if isinstance(frame.body, Retiring):
            self.sealed = True
        elif isinstance(frame.body, TaskBlocks):
            if held is not None:
                self.sealed = True
                self.blocking.add(frame.instance)
                self._owner.on_blocks(held.task)
        elif isinstance(frame.body, StaleCode):
            self.sealed = True
            if self.held.pop(frame.instance, None) is not None and held is not None:
                self._owner.on_stale(self, held.task)
        else:
            # Each task has its own thread there, which waits for this.
            self._spawn(self._reply(frame, held))

    async def _reply(self, frame: Frame, held: Held | None) -> None:
        body = frame.body
        if held is None or held.task.epoch != frame.epoch:
            self._send(await self._answer(frame), frame.request)
            return
        if isinstance(body, Finish | Defer | Reschedule):
            held.finishing = True
            held.calling = isinstance(body, Finish) and body.calls
            reply = await self._answer(frame)
            held.finishing = False
            held.calling = held.calling and isinstance(reply, Ok)
            over = isinstance(reply, Ok) or (isinstance(reply, Refused) and reply.fenced)
            self._send(reply, frame.request)
            if over and not held.calling:
                self._end(held)
            elif not over:
                self._owner.on_kept(self, held.task)
            return
        reply = await self._answer(frame)
        self._send(reply, frame.request)
        if isinstance(body, CallbacksDone) and held.calling:
            self._end(held)
        elif isinstance(reply, Refused) and reply.fenced:
            self._owner.on_fenced(self, held.task)

    def _end(self, held: Held) -> None:
        uid = held.task.instance.id
        held.calling = False
        del self.held[uid]
        self.ended += 1
        self.blocking.discard(uid)
        self._owner.on_ended(self, held.task)

    def _send(self, reply: Reply, request: int) -> None:
        # If it is gone meanwhile, the end of the stream is what comes next.
        with suppress(ChannelClosed):
            self._channel.send(reply, request=request)

    async def _answer(self, frame: Frame) -> Reply:
        try:
            return await self._control.answer(frame)
        except Exception as error:
            # A bug here must not take the executor, or the worker's other tasks, with it.
            log.exception("request_failed", request=type(frame.body).__name__, worker=self.label)
            return Refused(f"the engine could not do it: {type(error).__name__}: {error}")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)
