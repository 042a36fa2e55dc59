"""The task's code, from its DAG file."""

from __future__ import annotations

from typing import Any

from bide.runner.task_context import find_task
from bide.runner.task_run import Proceed, TaskRun


def load_task(run: TaskRun, proceed: Proceed) -> Any:
    """Find the task in its DAG file and make a copy of it for this run."""
    run.task = find_task(run.host.load(run.order), run.order)
    return proceed()
