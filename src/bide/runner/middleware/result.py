"""The return value, as XCom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from bide.authoring.lazy_xcoms import LazyXComSequence
from bide.authoring.skipping import DownstreamTasksSkipped
from bide.authoring.xcom_arg import RETURN_VALUE
from bide.model.errors import InvalidArgument
from bide.runner.asset_events import made_events
from bide.runner.mapped_over import check_result
from bide.runner.split_values import length_of
from bide.runner.task_run import Proceed, TaskRun
from bide.wire.messages import Finish


def keep_result(run: TaskRun, proceed: Proceed) -> Finish:
    """Encode what the task returned, to be stored with its success. None is not stored, as in Airflow.

    With ``multiple_outputs`` each entry of the returned dict is pushed under its own key too. A task that
    leaves out others downstream has said so on itself, or raises :class:`DownstreamTasksSkipped`.
    """
    task = run.loaded_task
    try:
        result = proceed()
    except DownstreamTasksSkipped as skipped:
        left_out = tuple(sorted(skipped.tasks | task.skipped_downstream))
        return Finish(state="success", skip=left_out, events=made_events(task, run.task_context))
    events = made_events(task, run.task_context)
    skip = tuple(sorted(task.skipped_downstream))
    if isinstance(result, LazyXComSequence):
        result = list(result)
    check_result(task, RETURN_VALUE, result if task.do_xcom_push else None)
    if result is None or not task.do_xcom_push:
        return Finish(state="success", skip=skip, events=events)
    if task.multiple_outputs:
        _push_each(run, result)
    return Finish(
        state="success", return_value=_stored(run, result), length=length_of(result), skip=skip, events=events
    )


def _stored(run: TaskRun, result: Any) -> bytes:
    assert run.runtime is not None
    return run.runtime.stored_xcom(RETURN_VALUE, result)


def _push_each(run: TaskRun, result: object) -> None:
    if not isinstance(result, Mapping):
        raise InvalidArgument(
            f"task {run.loaded_task.task_id!r} has multiple_outputs, so it must return a dict, "
            f"not {type(result).__name__}: {result!r:.200}"
        )
    values = cast("Mapping[Any, Any]", result)
    for key in values:
        if not isinstance(key, str):
            raise InvalidArgument(
                f"task {run.loaded_task.task_id!r} has multiple_outputs, so the keys of the dict that it returns "
                f"must be strings, not {key!r}"
            )
    for key, value in values.items():
        run.task_context["ti"].xcom_push(key=key, value=value)
