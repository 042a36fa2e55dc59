"""Templates and results of other tasks in the operator's fields."""

from __future__ import annotations

from typing import Any

from bide.runner.task_run import Proceed, TaskRun


def render_templates(run: TaskRun, proceed: Proceed) -> Any:
    """Fill in ``template_fields`` before each segment: a resumed task is a new copy."""
    run.loaded_task.render_template_fields(run.task_context)
    return proceed()
