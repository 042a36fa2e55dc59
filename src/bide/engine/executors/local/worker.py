"""One worker process as the engine sees it: what it runs, its requests, its end."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import Final, Protocol

import structlog

from bide.control.claims import Claim
from bide.engine.executors.contract import TaskControl
from bide.engine.template import Runner, RunnerExit
from bide.model.errors import ProtocolError
from bide.observe.leftovers import kill_group
from bide.wire.frames import ChannelClosed
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

#: Seconds from one SIGTERM to the next.
_ASK_AGAIN: Final = 1.0
#: Seconds that a worker without a channel gets to end by itself.
_EXIT_PATIENCE: Final = 2.0


class WorkerOwner(Protocol):
    """Who hears of a worker. These are called on the event loop and must not block."""

    def on_finishing(self, worker: Worker) -> None:
        """The final request of its task is being answered: the next task can be made ready for it."""
        ...

    def on_free(self, worker: Worker, ended: RunTask) -> None:
        """`ended` has ended as the store knows; the reply is on its way, a task may follow it."""
        ...

    def on_kept(self, worker: Worker) -> None:
        """The final request was refused and the task goes on: the worker is not getting free."""
        ...

    def on_fenced(self, worker: Worker, task: RunTask) -> None:
        """A request was refused because `task` has moved on; the runner says nothing more of it."""
        ...

    def on_stale(self, worker: Worker, task: RunTask) -> None:
        """It did not begin `task`, because files have changed since it read them, and exits."""
        ...

    def on_gone(self, worker: Worker, how: RunnerExit) -> None:
        """The process is gone; ``worker.task`` is what it had not ended."""
        ...


class Worker:
    """A forked task runner that serves one DAG file."""

    def __init__(self, label: str, runner: Runner, control: TaskControl, owner: WorkerOwner) -> None:
        self.label = label
        self.pid = runner.pid
        #: The DAG file that it has loaded; None while it has run nothing.
        self.dag_file: str | None = None
        #: What it runs.
        self.task: RunTask | None = None
        #: What is being started for it.
        self.reserved: Claim | None = None
        #: What it runs next: started, and sent right behind the reply that it waits for.
        self.next: RunTask | None = None
        #: Its task's final request is being answered.
        self.finishing = False
        #: Its task has ended, or is about to, and it calls callbacks and listeners then.
        self.calling = False
        #: It gets no further task.
        self.ending = False
        #: When it became free (:meth:`Clock.monotonic`).
        self.idle_since = 0.0
        self._runner = runner
        self._channel = runner.channel
        self._control = control
        self._owner = owner

    @property
    def file(self) -> str | None:
        """The DAG file that it serves, or is about to."""
        return self.dag_file if self.reserved is None else self.reserved.dag_file

    @property
    def idle(self) -> bool:
        """It has nothing to do, now and next."""
        return self.task is None and self.reserved is None and self.next is None and not self.ending

    @property
    def reported(self) -> bool:
        """Its task has said how it ends; only the answer, or callbacks, are still to come."""
        return self.finishing or self.calling

    @property
    def available(self) -> bool:
        """It can be given another task, at once or as soon as its final request is answered."""
        return (
            (self.task is None or (self.finishing and not self.calling))
            and self.reserved is None
            and self.next is None
            and not self.ending
        )

    def run(self, task: RunTask) -> None:
        """Send it `task`, at once or behind the reply that it waits for; ChannelClosed if it is gone."""
        if self.task is not None:
            self.next = task
            return
        self._channel.send(task, instance=task.instance.id, epoch=task.epoch)
        self.dag_file = task.dag_file
        self.task = task

    def retire(self) -> None:
        """Let it exit; it runs nothing."""
        self.ending = True
        self._channel.close()

    async def end(self, grace: float) -> None:
        """Stop it with what it runs: SIGTERM, and SIGKILL for all of it after `grace` seconds."""
        self.ending = True
        asking = asyncio.create_task(self._ask_to_end())
        try:
            await self._runner.end(grace)
        finally:
            asking.cancel()

    async def _ask_to_end(self) -> None:
        """More than once: a signal that comes just before a call that blocks is seen by Python only behind it.

        The next one wakes that call. A task that has heard the first one takes no notice of the others.
        """
        while True:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
            await asyncio.sleep(_ASK_AGAIN)

    async def kill(self) -> None:
        """Kill it with what it runs. What it had sent before is still answered."""
        self.ending = True
        await self._runner.end(0.0)

    async def serve(self) -> RunnerExit:
        """Answer its requests until it is gone; how it ended. :attr:`task` is then what it had not ended."""
        try:
            # The end of the channel is how it goes, in good order or not; the template tells which.
            with suppress(ChannelClosed):
                while True:
                    await self._take(await self._channel.receive())
        except ProtocolError as error:
            log.error("worker_unreadable", worker=self.label, error=str(error))
            kill_group(self.pid)
        self.ending = True
        self._channel.close()
        return await self._runner.end(_EXIT_PATIENCE)

    async def _take(self, frame: Frame) -> None:
        body, task = frame.body, self.task
        if isinstance(body, Retiring):
            self.ending = True
            return
        if isinstance(body, StaleCode):
            self.ending = True
            self.task = None
            if task is not None:
                self._owner.on_stale(self, task)
            return
        final = (
            task is not None
            and task.instance.id == frame.instance
            and isinstance(body, Finish | Defer | Reschedule)
        )
        if isinstance(body, CallbacksDone) and self.calling and task is not None:
            await self._finish_calling(frame, task)
            return
        if final and self.calling and task is not None:
            # The child that called them is gone, and this is its parent, which knows of no end yet.
            await self._control.give_back_callbacks(task.instance.id, task.epoch)
        if final:
            self.finishing = True
            self.calling = isinstance(body, Finish) and body.calls
            self._owner.on_finishing(self)
        reply = await self._answer(frame)
        self.finishing = False
        if final:
            self.calling = self.calling and isinstance(reply, Ok)
        if final and self.calling:
            with suppress(ChannelClosed):
                self._channel.send(reply, request=frame.request)
            return
        ended = final and (isinstance(reply, Ok) or (isinstance(reply, Refused) and reply.fenced))
        if ended:
            self.task = None
        # If it is gone meanwhile, the end of the stream is what comes next.
        with suppress(ChannelClosed):
            self._channel.send(reply, request=frame.request)
        if ended and task is not None:
            self._owner.on_free(self, task)
        elif final:
            self._owner.on_kept(self)
        elif task is not None and isinstance(reply, Refused) and reply.fenced:
            self._owner.on_fenced(self, task)

    async def _finish_calling(self, frame: Frame, task: RunTask) -> None:
        reply = await self._answer(frame)
        self.calling = False
        self.task = None
        with suppress(ChannelClosed):
            self._channel.send(reply, request=frame.request)
        self._owner.on_free(self, task)

    async def _answer(self, frame: Frame) -> Reply:
        try:
            return await self._control.answer(frame)
        except Exception as error:
            # A bug here must not take the executor, or the worker's next task, with it.
            log.exception("request_failed", request=type(frame.body).__name__, worker=self.label)
            return Refused(f"the engine could not do it: {type(error).__name__}: {error}")
