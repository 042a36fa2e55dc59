"""The wait that a task with ``start_from_trigger`` begins with; its ``execute()`` is never called."""

from __future__ import annotations

from typing import Any, cast

from bide.authoring.context import Context
from bide.authoring.deferral import TaskDeferred
from bide.authoring.operator import BaseOperator
from bide.authoring.start_trigger import StartTriggerArgs
from bide.model.errors import InvalidArgument
from bide.runner.arming import build
from bide.runner.resolve import LoadDagFile, resolve_trigger


def first_wait(task: BaseOperator, context: Context, dag_file: str, load: LoadDagFile) -> TaskDeferred:
    """The deferral that the ``start_trigger_args`` of `task` stand for, with templates and results filled in.

    Raises what user code raises, and :class:`InvalidArgument` for arguments that can't be.
    """
    args: Any = task.start_trigger_args
    if not isinstance(args, StartTriggerArgs):
        raise InvalidArgument(
            f"task {task.task_id!r}: start_from_trigger is set, so start_trigger_args must be a StartTriggerArgs, "
            f"not {type(args).__name__}"
        )
    trigger_class = resolve_trigger(args.trigger_cls, dag_file, load)
    kwargs = task.render_template(args.trigger_kwargs or {}, context)
    if not isinstance(kwargs, dict):
        raise InvalidArgument(
            f"task {task.task_id!r}: trigger_kwargs of start_trigger_args must come to a dict, "
            f"not {type(kwargs).__name__}"
        )
    trigger = build(trigger_class, cast("dict[str, Any]", kwargs))
    return TaskDeferred(trigger, args.next_method, args.next_kwargs, args.timeout)
