"""A task runner with many tasks: async ones of one DAG file.

What a task awaits is awaited in one event loop, in the main thread, which all of them share. What stands around
that (templates, callbacks, the report to the engine) runs in a thread of each task, by the same middlewares as in a
process of its own; so plain code of a task holds up nobody.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Sequence
from functools import partial
from types import FrameType
from typing import Final, Protocol

from bide.authoring.calling import awaiting_by
from bide.authoring.loading import LoadedFile
from bide.model.clock import Clock
from bide.runner.middleware import MIDDLEWARES, run_task
from bide.runner.middleware.isolation import isolated
from bide.runner.runtimes import TaskLink
from bide.runner.shared_interrupts import SharedInterrupts
from bide.runner.shared_loop import SharedLoop
from bide.runner.shared_watch import SharedWatch
from bide.runner.task_run import Middleware, TaskRun
from bide.runner.trigger_threads import run_to_its_end
from bide.wire.frames import ChannelClosed
from bide.wire.loop_messages import CancelTask
from bide.wire.messages import Frame, Retiring, RunTask, StaleCode, Stop
from bide.wire.shared_channel import SharedChannel

_log = logging.getLogger("bide.runner")

_MIDDLEWARES: Final[Sequence[Middleware]] = tuple(one for one in MIDDLEWARES if one is not isolated)


class Home(Protocol):
    """The process, which serves one DAG file."""

    def load(self, order: RunTask) -> LoadedFile:
        """The DAG file of `order`, imported at the first call."""
        ...

    def stale(self, order: RunTask) -> str | None:
        """Why `order` needs a fresh process, or None."""
        ...

    def finish_output(self) -> None:
        """Write what has been printed without the end of a line."""
        ...

    def reason_to_retire(self) -> str | None:
        """Why this process should not run another task, or None."""
        ...

    def begin_sharing(self) -> None:
        """All that tasks have in common is set up: what comes now is theirs."""
        ...

    def count_task(self) -> None:
        """One more task begins."""
        ...

    def tidy_up(self) -> None:
        """Undo what tasks have done to this process; called in the main thread while there is none."""
        ...


class SharedTasks:
    """Runs tasks until the channel closes (:class:`bide.runner.task_run.Host`)."""

    def __init__(self, channel: SharedChannel, home: Home, clock: Clock) -> None:
        self._channel = channel
        self._home = home
        self._clock = clock
        self._loop = SharedLoop(asyncio.new_event_loop())
        #: Those under way, by instance id and epoch.
        self._runs: dict[tuple[str, int], TaskRun] = {}
        #: Held while a task comes or goes, or the process is tidied up.
        self._changing = threading.Lock()
        self._loading = threading.Lock()
        self._retiring = False
        self._pid = os.getpid()

    def serve(self) -> None:
        """Take orders; ends the process when the engine closes the channel or says Stop."""
        watch = SharedWatch(self._loop, lambda: list(self._runs.values()), self._clock)
        loop = self._loop.loop
        # Not by the loop, whose handlers work in processes too that tasks have forked.
        signal.signal(signal.SIGTERM, self._on_sigterm)
        self._home.begin_sharing()
        watch.start()
        threading.Thread(target=self._receive, name="shared-orders", daemon=True).start()
        run_to_its_end(loop, loop.create_task(_for_ever()))

    def _receive(self) -> None:
        status = 1
        try:
            while True:
                frame = self._channel.receive()
                if isinstance(frame.body, Stop):
                    break
                self._take(frame)
            status = 0
        except ChannelClosed:
            status = 0
        except Exception:
            _log.exception("this process can take no more orders")
        finally:
            # Not by way of the loop, which somebody may hold up. Nobody is left whom a task could report to.
            os._exit(status)

    def _take(self, frame: Frame) -> None:
        body = frame.body
        if isinstance(body, RunTask):
            self._begin(body)
        elif isinstance(body, CancelTask):
            run = self._runs.get((frame.instance, frame.epoch))
            if run is not None:
                _interrupts(run).kill()

    def _begin(self, order: RunTask) -> None:
        interrupts = SharedInterrupts(self._loop.loop, self._clock)
        link = TaskLink(self._channel, order, interrupts)
        stale = self._home.stale(order)
        if stale is not None or self._retiring:
            link.send(StaleCode(reason=stale or "this process gives way to a fresh one"))
            return
        run = TaskRun(order, link, self, interrupts, self._clock)
        self._home.count_task()
        with self._changing:
            self._runs[order.instance.id, order.epoch] = run
        name = f"task {order.instance.task_id}"
        threading.Thread(target=self._run, args=(run,), name=name, daemon=True).start()

    def _run(self, run: TaskRun) -> None:
        """In the thread of the task."""
        try:
            with _interrupts(run).task(), awaiting_by(partial(self._loop.wait_for, run)):
                run_task(run, _MIDDLEWARES)
        except ChannelClosed:
            # The process is about to end.
            return
        finally:
            with self._changing:
                del self._runs[run.order.instance.id, run.order.epoch]
            self._loop.loop.call_soon_threadsafe(self._tidy_up)

    def _tidy_up(self) -> None:
        with self._changing:
            if not self._runs:
                self._home.tidy_up()

    def _on_sigterm(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
            return
        # This thread may be anywhere, with a lock that is needed.
        threading.Thread(target=self._kill_all, name="shared-end", daemon=True).start()

    def _kill_all(self) -> None:
        self._retire_for("it was told to end")
        for run in list(self._runs.values()):
            _interrupts(run).kill()

    def _retire_for(self, reason: str) -> None:
        if not self._retiring:
            self._retiring = True
            self._channel.send(Retiring(reason=reason))

    # --- what the middlewares ask ------------------------------------------------------------------------------

    @property
    def has_loaded(self) -> bool:
        """Whether the DAG file has been imported."""
        return True

    def load(self, order: RunTask) -> LoadedFile:
        """The DAG file of `order`."""
        with self._loading:
            return self._home.load(order)

    def finish_output(self) -> None:
        """Write what has been printed without the end of a line."""
        self._home.finish_output()

    def reason_to_retire(self) -> str | None:
        """None: the engine is told apart from the ends of tasks, of which others may be under way."""
        reason = self._home.reason_to_retire()
        if reason is not None:
            self._retire_for(reason)
        return None

    def fork(self) -> int:
        """Never asked: tasks share this process."""
        raise AssertionError("a task that shares its process is not forked")

    def wait_for(self, pid: int) -> int | None:
        """Never asked: tasks share this process."""
        raise AssertionError("a task that shares its process is not forked")


def _interrupts(run: TaskRun) -> SharedInterrupts:
    assert isinstance(run.interrupts, SharedInterrupts)
    return run.interrupts


async def _for_ever() -> None:
    await asyncio.get_running_loop().create_future()
