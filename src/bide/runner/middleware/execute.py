"""The operator's own code: the innermost step."""

from __future__ import annotations

from typing import Any

from bide.authoring.calling import run_to_end
from bide.authoring.deferral import check_resume_method
from bide.authoring.start_trigger import BEGIN_IN_WORKER
from bide.model.failed_waits import RESUME_WITH_ERROR
from bide.model.journal import RESUME_BY_REPLAY
from bide.model.values import decode
from bide.runner.first_wait import first_wait
from bide.runner.kept_attributes import note_attributes, restore_attributes
from bide.runner.task_run import TaskRun


def execute(run: TaskRun) -> Any:
    """Run ``execute()``, or the method at which the task goes on; returns what that returns."""
    task, context = run.loaded_task, run.task_context
    if run.order.resume is None and task.start_from_trigger:
        # The engine has taken it for a task that begins in a worker: the DAG file has changed since.
        raise first_wait(task, context, run.order.dag_file, lambda: run.host.load(run.order))
    run.noted = note_attributes(task)
    task.pre_execute(context)
    resume = run.order.resume
    begins = resume is None or resume.method in (RESUME_BY_REPLAY, BEGIN_IN_WORKER)
    result = run_to_end(task.execute(context) if begins else _resume(run))
    task.post_execute(context, result)
    return result


def _resume(run: TaskRun) -> Any:
    task, resume = run.loaded_task, run.order.resume
    assert resume is not None
    kwargs = restore_attributes(task, decode(resume.kwargs))
    if resume.method == RESUME_WITH_ERROR:
        return task.resume_execution(resume.method, {**decode(resume.event), "kwargs": kwargs}, run.task_context)
    # The code may have changed since the task was deferred.
    check_resume_method(task, resume.method, kwargs)
    event = decode(resume.event)
    return task.resume_execution(resume.method, {**kwargs, "event": event}, run.task_context)
