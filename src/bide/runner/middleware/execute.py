"""The operator's own code: the innermost step."""

from __future__ import annotations

from typing import Any

from bide.authoring.deferral import TaskDeferred, check_resume_method
from bide.authoring.operator import RESUME_WITH_ERROR
from bide.authoring.start_trigger import StartTriggerArgs
from bide.model.errors import InvalidArgument
from bide.model.values import decode
from bide.runner.arming import build
from bide.runner.resolve import resolve_trigger
from bide.runner.task_run import TaskRun


def execute(run: TaskRun) -> Any:
    """Run ``execute()``, or the method at which the task goes on; returns what that returns."""
    task, context = run.loaded_task, run.task_context
    if run.order.resume is None and task.start_from_trigger:
        raise _first_wait(run)
    task.pre_execute(context)
    result = task.execute(context) if run.order.resume is None else _resume(run)
    task.post_execute(context, result)
    return result


def _first_wait(run: TaskRun) -> TaskDeferred:
    """The deferral that a task with ``start_from_trigger`` begins with; its ``execute()`` is never called."""
    task, args = run.loaded_task, run.loaded_task.start_trigger_args
    if not isinstance(args, StartTriggerArgs):
        raise InvalidArgument(
            f"task {task.task_id!r}: start_from_trigger is set, so start_trigger_args must be a StartTriggerArgs, "
            f"not {args!r}"
        )
    trigger_class = resolve_trigger(args.trigger_cls, run.order.dag_file, lambda: run.host.load(run.order))
    kwargs = task.render_template(args.trigger_kwargs or {}, run.task_context)
    return TaskDeferred(build(trigger_class, kwargs), args.next_method, args.next_kwargs, args.timeout)


def _resume(run: TaskRun) -> Any:
    task, resume = run.loaded_task, run.order.resume
    assert resume is not None
    kwargs: dict[str, Any] = decode(resume.kwargs)
    if resume.method == RESUME_WITH_ERROR:
        return task.resume_execution(resume.method, kwargs, run.task_context)
    # The code may have changed since the task was deferred.
    check_resume_method(task, resume.method, kwargs)
    event = decode(resume.event)
    return task.resume_execution(resume.method, {**kwargs, "event": event}, run.task_context)
