"""Whether a task can start from its trigger as it says; checked before its DAG is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from bide.authoring.deferral import check_resume_method
from bide.authoring.moments import as_seconds
from bide.authoring.operator_checks import name_of
from bide.authoring.start_trigger import StartTriggerArgs
from bide.authoring.xcom_arg import without_results
from bide.model.errors import AuthoringError, InvalidArgument
from bide.model.values import encode

if TYPE_CHECKING:
    from bide.authoring.operator import BaseOperator


def check_start(task: BaseOperator) -> None:
    """Raise :class:`InvalidArgument`, or NotSerializable with the path of a value, if `task` can't so start."""
    if not task.start_from_trigger or task.is_mapped:
        return  # what a mapped task waits for is known of each instance alone
    args, of = task.start_trigger_args, name_of(task)
    if not isinstance(args, StartTriggerArgs):
        raise InvalidArgument(
            f"{of}: start_from_trigger is set, so start_trigger_args must be a StartTriggerArgs, not {args!r}"
        )
    path: Any = args.trigger_cls
    if not isinstance(path, str) or "." not in path:
        raise InvalidArgument(
            f"{of}: trigger_cls of start_trigger_args must be an import path like 'my_module.MyTrigger', "
            f"not {path!r}"
        )
    for name in ("trigger_kwargs", "next_kwargs"):
        value: Any = without_results(getattr(args, name))
        if not _is_keywords(value):
            raise InvalidArgument(
                f"{of}: {name} of start_trigger_args must be a dict with names as keys, not {value!r}"
            )
        encode(value, what=f"{of}, {name} of start_trigger_args")
    as_seconds(args.timeout, name="timeout of start_trigger_args", of=of)
    try:
        check_resume_method(task, args.next_method, args.next_kwargs)
    except AuthoringError as error:
        raise InvalidArgument(f"{of}: next_method of start_trigger_args: {error}") from None


def _is_keywords(value: Any) -> bool:
    return value is None or (
        isinstance(value, dict) and all(isinstance(key, str) for key in cast("dict[Any, Any]", value))
    )
