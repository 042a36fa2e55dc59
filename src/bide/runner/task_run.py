"""One task instance on its way through the middlewares."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from bide.authoring.context import Context
from bide.authoring.loading import LoadedFile
from bide.authoring.operator import BaseOperator
from bide.model.clock import Clock
from bide.runner.interrupts import Interrupts
from bide.runner.kept_attributes import Noted
from bide.runner.runtimes import TaskLink, TaskRuntime
from bide.wire.messages import Defer, Finish, Reschedule, RunTask

_log = logging.getLogger("bide.runner")

#: What the engine is told at the end. None: it has been told, or must not be.
Report = Finish | Defer | Reschedule | None


class Host(Protocol):
    """What a middleware may ask of the process that the task runs in."""

    @property
    def has_loaded(self) -> bool:
        """Whether :meth:`load` has been called."""
        ...

    def load(self, order: RunTask) -> LoadedFile:
        """The DAG file of `order`, imported at the first call."""
        ...

    def finish_output(self) -> None:
        """Write what has been printed without the end of a line."""
        ...

    def reason_to_retire(self) -> str | None:
        """Why this process should not run another task, or None."""
        ...

    def fork(self) -> int:
        """Fork a child that runs the task in place of this process: 0 in the child, there its id."""
        ...

    def wait_for(self, pid: int) -> int | None:
        """Wait for that child and kill what it has left.

        None if it has reported the task; else its exit status, or the negative number of a signal.
        """
        ...


@dataclass
class TaskRun:
    """What the middlewares know, and fill in for those further in."""

    order: RunTask
    link: TaskLink
    host: Host
    interrupts: Interrupts
    clock: Clock
    #: Made with the context.
    runtime: TaskRuntime | None = None
    #: Of this run alone: what it sets on itself is gone with it. None until the DAG file is loaded.
    task: BaseOperator | None = None
    context: Context | None = None
    #: Its attributes as they were before its code began.
    noted: Noted = field(default_factory=dict[str, Any])
    #: What the task's code has raised.
    error: BaseException | None = None
    #: What its ``map_index_template`` came to.
    map_name: str | None = None
    #: What was called when it began, and failed: a line each.
    callback_failures: list[str] = field(default_factory=list[str])
    #: The end of the task that the engine has acknowledged, if its callbacks are to be called here.
    acknowledged: Finish | None = None

    @property
    def loaded_task(self) -> BaseOperator:
        """The task, for middlewares inside of the one that loads it."""
        assert self.task is not None
        return self.task

    @property
    def task_context(self) -> Context:
        """The context, for middlewares inside of the one that builds it."""
        assert self.context is not None
        return self.context

    def kill_task(self) -> None:
        """Call the operator's ``on_kill``; what it raises is logged and nothing else."""
        if self.task is None:
            return
        try:
            self.task.on_kill()
        except Exception:
            _log.exception("%s.on_kill() failed", type(self.task).__name__)


#: Calls what is further in.
Proceed = Callable[[], Any]
#: Gets the run and what is further in; returns what that returned, or something made of it.
Middleware = Callable[[TaskRun, Proceed], Any]
