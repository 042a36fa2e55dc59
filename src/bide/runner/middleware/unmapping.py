"""The operator of one instance of a mapped task."""

from __future__ import annotations

from typing import Any

from bide.runner.task_context import of_instance
from bide.runner.task_run import Proceed, TaskRun


def unmap(run: TaskRun, proceed: Proceed) -> Any:
    """Make it of the arguments that all instances share and of the elements that this one gets."""
    run.task = of_instance(run.loaded_task, run.task_context)
    return proceed()
