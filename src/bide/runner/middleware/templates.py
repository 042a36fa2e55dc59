"""Templates and results of other tasks in the operator's fields."""

from __future__ import annotations

from typing import Any

from bide.authoring.rendering import Rendering
from bide.runner.task_run import Proceed, TaskRun


def render_templates(run: TaskRun, proceed: Proceed) -> Any:
    """Fill in ``template_fields`` before each segment: a resumed task is a new copy."""
    task = run.loaded_task
    if type(task).prepare_template is not Rendering.prepare_template:
        task.resolve_template_files()
    task.render_template_fields(run.task_context)
    return proceed()
