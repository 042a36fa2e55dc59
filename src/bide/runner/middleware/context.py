"""What the task knows of itself and of its run."""

from __future__ import annotations

from typing import Any

from bide.authoring.context import use_context
from bide.authoring.runtime import use_runtime
from bide.runner.runtimes import TaskRuntime
from bide.runner.task_context import context_of
from bide.runner.task_run import Proceed, TaskRun


def with_context(run: TaskRun, proceed: Proceed) -> Any:
    """Build the context, and make it and the runtime what code inside finds.

    In all threads, unless the process has other tasks too.
    """
    run.runtime = runtime = TaskRuntime(run.clock, run.order, run.link)
    with use_runtime(runtime, in_all_threads=not run.order.shared):
        runtime.purge_earlier()
        run.context = context_of(run.loaded_task, run.order)
        with use_context(run.context):
            return proceed()
