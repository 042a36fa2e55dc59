"""A task as it runs inline: the task runner's own middlewares, apart from those that are about its process."""

from __future__ import annotations

import re
import sys
from bdb import BdbQuit
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Final

import msgspec

from bide.authoring.dag import DAG
from bide.authoring.deferral import TaskDeferred, TaskRescheduled
from bide.authoring.loading import LoadedFile
from bide.authoring.trigger import BaseTrigger
from bide.model.clock import Clock
from bide.observe.log import context_sink, process_sink
from bide.runner.middleware import MIDDLEWARES, run_task
from bide.runner.middleware.isolation import isolated
from bide.runner.middleware.loading import load_task
from bide.runner.middleware.logs import into_log
from bide.runner.middleware.suspension import suspend
from bide.runner.resolve import live_classes
from bide.runner.runtimes import TaskLink
from bide.runner.task_run import Middleware, Proceed, TaskRun
from bide.testing.events import GivenEvents
from bide.testing.executor import InlineLine
from bide.testing.interrupts import InlineInterrupts
from bide.testing.output import Echo, TaskSink
from bide.testing.results import Wait, Witness
from bide.wire.messages import Defer, Finish, RunTask

#: What ends the whole run, not only its task: the person at the terminal wants to stop.
_STOPS_RUN: Final = (KeyboardInterrupt, BdbQuit)


@dataclass(kw_only=True)
class InlineTasks:
    """Runs the tasks of `dag` (:class:`~bide.testing.executor.RunInline`)."""

    dag: DAG
    clock: Clock
    events: GivenEvents
    witness: Witness
    finish_lines: Callable[[], None]
    echo: Echo | None = None
    mark_success: re.Pattern[str] | None = None
    #: The DAG as its file would give it.
    loaded: LoadedFile = field(init=False)

    def __post_init__(self) -> None:
        self.loaded = _as_loaded(self.dag)

    def __call__(self, order: RunTask, line: InlineLine, interrupts: InlineInterrupts) -> None:
        """Run one task."""
        host = InlineHost(self)
        run = InlineRun(order, TaskLink(line, order, interrupts), host, interrupts, self.clock, tasks=self)
        with interrupts.task(), live_classes():
            run_task(run, INLINE_MIDDLEWARES)
        if run.stop is not None:
            raise run.stop

    def take_deferral(self, order: RunTask, defer: Defer, trigger: BaseTrigger) -> Defer:
        """Note a wait; the answer is `defer`, with given events in place of triggers."""
        names = order.instance
        wait = self.events.put_into(defer.wait, names.task_id, trigger, must_end=defer.method is None)
        self.witness.note_wait(
            names.id,
            Wait(
                task_id=names.task_id,
                trigger=trigger,
                kind=defer.wait.kind,
                subject=defer.wait.subject,
                try_number=order.try_number,
                is_given=wait is not defer.wait,
            ),
        )
        return msgspec.structs.replace(defer, wait=wait)

    def sink(self, path: str, task_id: str) -> TaskSink:
        """The log of a try."""
        return TaskSink(path, task_id, self.echo)


class InlineHost:
    """This process, as far as a task's middlewares ask for it (:class:`bide.runner.task_run.Host`)."""

    def __init__(self, tasks: InlineTasks) -> None:
        self._tasks = tasks

    @property
    def has_loaded(self) -> bool:
        return True

    def load(self, order: RunTask) -> LoadedFile:
        return self._tasks.loaded

    def finish_output(self) -> None:
        self._tasks.finish_lines()

    def reason_to_retire(self) -> str | None:
        return None

    def fork(self) -> int:
        raise NotImplementedError("tasks that run inline are never forked")

    def wait_for(self, pid: int) -> int | None:
        raise NotImplementedError("tasks that run inline are never forked")


@dataclass
class InlineRun(TaskRun):
    """A task's run with what a test wants to know of it."""

    tasks: InlineTasks = field(kw_only=True)
    #: The last deferral that the task has asked for.
    deferred: TaskDeferred | None = None
    #: Set if the whole run is to stop.
    stop: BaseException | None = None


def _inline(run: TaskRun) -> InlineRun:
    assert isinstance(run, InlineRun)
    return run


def into_sink(run: TaskRun, proceed: Proceed) -> Any:
    """Write to the task's log, as ``into_log`` does, and leave the process's own descriptors alone."""
    sink = _inline(run).tasks.sink(run.order.log_path, run.order.instance.task_id)
    with process_sink(sink), context_sink(sink):
        return proceed()


def keep_error(run: TaskRun, proceed: Proceed) -> Any:
    """Keep the exception itself, which else is only told of."""
    try:
        return proceed()
    except (TaskDeferred, TaskRescheduled):
        raise
    except BaseException as error:
        inline = _inline(run)
        inline.tasks.witness.note_error(run.order.instance.id, error)
        if isinstance(error, _STOPS_RUN):
            inline.stop = error
        raise


def mark_success(run: TaskRun, proceed: Proceed) -> Any:
    """Let tasks that match ``mark_success_pattern`` succeed without running."""
    pattern = _inline(run).tasks.mark_success
    if pattern is not None and pattern.fullmatch(run.order.instance.task_id):
        return Finish(state="success")
    return proceed()


def give_event(run: TaskRun, proceed: Proceed) -> Any:
    """Note each wait, and let a given event take the place of its trigger."""
    report = proceed()
    inline = _inline(run)
    deferred = inline.deferred
    if not isinstance(report, Defer) or deferred is None:
        return report
    return inline.tasks.take_deferral(run.order, report, deferred.trigger)


def note_deferral(run: TaskRun, proceed: Proceed) -> Any:
    """Keep the trigger itself, which else is only told of."""
    try:
        return proceed()
    except TaskDeferred as deferred:
        _inline(run).deferred = deferred
        raise


def _inline_middlewares() -> list[Middleware]:
    chain: list[Middleware] = [into_sink]
    for middleware in MIDDLEWARES:
        if middleware is load_task:
            chain += [keep_error, load_task, mark_success]
        elif middleware is suspend:
            chain += [give_event, suspend, note_deferral]
        elif middleware not in (isolated, into_log):
            chain.append(middleware)
    return chain


INLINE_MIDDLEWARES: Final[Sequence[Middleware]] = _inline_middlewares()


def _as_loaded(dag: DAG) -> LoadedFile:
    loaded = LoadedFile(dag.fileloc, dag.dags_folder or dag.folder, {dag.dag_id: dag})
    modules = [one for one in list(sys.modules.values()) if getattr(one, "__file__", None) == dag.fileloc]
    loaded.module = modules[0] if modules else ModuleType("made_by_a_test")
    return loaded
