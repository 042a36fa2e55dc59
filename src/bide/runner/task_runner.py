"""The task runner: a process that runs the tasks of one DAG file, one after the other."""

from __future__ import annotations

import gc
import logging
import os
import socket
import sys
from typing import Final

from bide.authoring.inputs import changed_input, stamp_of
from bide.authoring.loading import LoadedFile, load_file
from bide.authoring.parsing_context import ParsingContext, parsing_for
from bide.authoring.runtime import use_runtime
from bide.authoring.serialize import serialize_dag
from bide.model.dag_spec import spec_hash
from bide.model.errors import AuthoringError
from bide.observe import leftovers, processes
from bide.observe.clock import SystemClock
from bide.observe.log import install
from bide.observe.streams import CapturedStreams
from bide.runner.baseline import Baseline
from bide.runner.callbacks import call_all, ending_told
from bide.runner.interrupts import Interrupts
from bide.runner.middleware import run_task
from bide.runner.middleware.isolation import load_for
from bide.runner.middleware.logs import into_log
from bide.runner.runtimes import ProcessRuntime, TaskLink
from bide.runner.settings import number_setting, setting
from bide.runner.shared_tasks import SharedTasks
from bide.runner.task_run import TaskRun
from bide.runner.trigger_classes import modules_of
from bide.wire.channel import Channel, ChannelClosed
from bide.wire.messages import CallbacksDone, Frame, RunCallbacks, RunTask, StaleCode, Stop
from bide.wire.shared_channel import SharedChannel

#: Tasks after which a worker gives way to a fresh one, unless ``local_executor.worker_max_tasks`` says otherwise.
_MOST_TASKS: Final = 1000
#: Bytes that a worker may grow by since it has loaded its DAG file.
_MOST_GROWTH: Final = 512 * 1024 * 1024
#: Exit status of a child that has reported its task, and that user code will hardly choose; the second one if its
#: parent should not run another.
_REPORTED: Final = 90
_REPORTED_LAST: Final = 91


def main(sock: socket.socket, label: str) -> int:
    """Run tasks that come over `sock` until it closes, or this process should give way to a fresh one."""
    return Worker(Channel(sock)).serve()


class Worker:
    """Serves one DAG file: that of its first task (:class:`bide.runner.task_run.Host`)."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._clock = SystemClock()
        self._interrupts = Interrupts()
        self._streams = CapturedStreams()
        self._loaded: LoadedFile | None = None
        self._loaded_for = ParsingContext()
        self._baseline: Baseline | None = None
        self._accepted_hashes: set[str] = set()
        self._most_tasks = number_setting("local_executor", "worker_max_tasks", _MOST_TASKS)
        self._tasks = 0
        self._modules = 0
        self._retiring = False
        self._is_child = False
        self._sharing = False

    def serve(self) -> int:
        """Run tasks; returns the exit status."""
        self._interrupts.install()
        self._streams.install()
        install(setting("logging", "level") or logging.INFO)
        try:
            while not self._retiring:
                body = self._channel.receive().body
                if isinstance(body, Stop):
                    break
                if isinstance(body, RunTask) and body.shared:
                    self._share(body)
                if isinstance(body, RunTask) and not self._run(body):
                    break
                if isinstance(body, RunCallbacks) and not self._call_back(body):
                    break
        except ChannelClosed:
            # The engine is gone, and so is the point of whatever this process could still do.
            return 0
        if self._is_child:
            # A frame that waits can only be the order to stop, which the parent then never sees.
            return _REPORTED_LAST if self._retiring or self._channel.has_frames else _REPORTED
        return 0

    def _run(self, order: RunTask) -> bool:
        """Run one task; False if this process should take no other."""
        with self._interrupts.task():
            stale = self.stale(order)
            link = TaskLink(self._channel, order, self._interrupts)
            if stale is not None:
                link.send(StaleCode(reason=stale))
                return False
            self._tasks += 1
            run_task(TaskRun(order, link, self, self._interrupts, self._clock))
            if self._is_child:
                return False
            if not order.isolated:
                self.tidy_up()
            return not self._retiring

    def _share(self, order: RunTask) -> None:
        """Run many tasks from now on, of which `order` is the first; does not return."""
        with self._interrupts.task():
            # In this thread, and once: what is wrong with the file is for each task to find and tell.
            link = TaskLink(self._channel, order, self._interrupts)
            load_for(TaskRun(order, link, self, self._interrupts, self._clock))
        sock, frames = self._channel.hand_over()
        self._sharing = True
        SharedTasks(SharedChannel(sock, [Frame(order), *frames]), self, self._clock).serve()

    def begin_sharing(self) -> None:
        """All that many tasks have in common is set up: back to this whenever there is none of them."""
        self._baseline = Baseline()

    def count_task(self) -> None:
        """One more task begins."""
        self._tasks += 1

    def _call_back(self, ordered: RunCallbacks) -> bool:
        """Call what an ending elsewhere asks for; False if this process should do nothing else."""
        order = ordered.order
        with self._interrupts.task():
            stale = self.stale(order)
            link = TaskLink(self._channel, order, self._interrupts)
            if stale is not None:
                link.send(StaleCode(reason=stale))
                return False
            run = TaskRun(order, link, self, self._interrupts, self._clock)
            failures: tuple[str, ...] = into_log(run, lambda: call_all(run, ending_told(ordered)))
            self.finish_output()
            link.request(CallbacksDone(failures=failures))
            self.tidy_up()
            return not self._interrupts.terminated

    def tidy_up(self) -> None:
        """Undo what the task has done to this process, and note what it has made it depend on."""
        if self._baseline is not None:
            self._baseline.restore()
        if self._loaded is not None and len(sys.modules) != self._modules:
            # Modules that the task was the first to import must be fresh for the next one too.
            self._modules = len(sys.modules)
            for path in modules_of(self._loaded.folder):
                stamp = stamp_of(path)
                if stamp is not None:
                    self._loaded.inputs.setdefault(path, stamp)

    # --- what the middlewares ask ------------------------------------------------------------------------------

    @property
    def has_loaded(self) -> bool:
        """Whether the DAG file has been imported."""
        return self._loaded is not None

    def load(self, order: RunTask) -> LoadedFile:
        """The DAG file of `order`, imported at the first call."""
        if self._loaded is None:
            # Variables may be looked up at the top level of the file.
            link = TaskLink(self._channel, order, self._interrupts)
            with (
                use_runtime(ProcessRuntime(self._clock, link), in_all_threads=True),
                parsing_for(order.instance.dag_id, order.instance.task_id) as self._loaded_for,
            ):
                self._loaded = load_file(order.dag_file, order.dag_folder)
            self._accepted_hashes.add(order.dag_hash)
            # A file that configures logging does so for its tasks; that their lines reach their log is ours.
            install(setting("logging", "level") or logging.INFO)
            self._baseline = Baseline()
        return self._loaded

    def finish_output(self) -> None:
        """Write what has been printed without the end of a line."""
        self._streams.finish_lines()

    def reason_to_retire(self) -> str | None:
        """Why this process should not run another task, or None; remembered."""
        reason = self._reason()
        self._retiring = self._retiring or reason is not None
        return reason

    def fork(self) -> int:
        """Fork a child that runs the task in place of this process."""
        parent = os.getpid()
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            processes.die_with_parent(parent)
            self._channel.adopt()
            self._interrupts.install()
            self._is_child = True
        return pid

    def wait_for(self, pid: int) -> int | None:
        """Wait for that child and kill what it has left; its status unless it has reported the task."""
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if self._baseline is not None:
            leftovers.kill_orphans(self._baseline.knows_child)
        self._retiring = self._retiring or status == _REPORTED_LAST
        return None if status in (_REPORTED, _REPORTED_LAST) else status

    def _reason(self) -> str | None:
        if self._interrupts.terminated:
            return "it was told to end"
        if self._loaded is None or self._baseline is None or self._loaded.module is None:
            return "its DAG file could not be imported"
        if self._tasks >= self._most_tasks:
            return f"it has run {self._tasks} tasks"
        if self._is_child:
            return None
        if self._interrupts.delivered is not None and not self._sharing:
            return "its task was interrupted"
        growth = processes.resident_bytes() - self._baseline.memory
        if growth > _MOST_GROWTH:
            return f"it has grown by {growth // 2**20} MiB"
        # Of many tasks at once, threads and processes of one are not left by another.
        return None if self._sharing else self._baseline.leftovers()

    # --- freshness ---------------------------------------------------------------------------------------------

    def stale(self, order: RunTask) -> str | None:
        """Why `order` needs a fresh process, or None."""
        loaded = self._loaded
        if loaded is None:
            return None
        if loaded.path != order.dag_file:
            return f"this process serves {loaded.path}"
        changed = changed_input(loaded.inputs)
        if changed is not None:
            return f"{changed} has changed"
        if not self._loaded_for.serves(order.instance.dag_id, order.instance.task_id):
            return f"this process has imported its file for {self._loaded_for}"
        if order.dag_hash not in self._accepted_hashes and self._hash_of(loaded, order) != order.dag_hash:
            # Something that the import reads without opening a file may have changed. A fresh import takes what
            # it finds: code is the folder's, also for a run that began with another version.
            return f"DAG {order.instance.dag_id!r} is of another version here"
        self._accepted_hashes.add(order.dag_hash)
        return None

    def _hash_of(self, loaded: LoadedFile, order: RunTask) -> str | None:
        dag = loaded.dags.get(order.instance.dag_id)
        if dag is None:
            return None
        try:
            return spec_hash(serialize_dag(dag, file=loaded.path, folder=loaded.folder))
        except AuthoringError:
            return None
