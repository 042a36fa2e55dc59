"""Calling what a DAG has for missed deadlines: ``sla_miss_callback``, and callbacks of deadline alerts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from bide.authoring.calling import accepted_arguments, call
from bide.authoring.context import Context
from bide.authoring.dag import DAG
from bide.authoring.deadlines import BlockingTask, DeadlineAlert, DeadlineCallback, SlaMiss, alerts_of
from bide.authoring.moments import pendulum_moment
from bide.model.errors import NotFound
from bide.runner.mails import tell_of_misses
from bide.standard.mail import addresses
from bide.wire.callback_messages import RunCallbacks
from bide.wire.deadline_messages import Blocking, Missed


def calls_for_missed(context: Context, order: RunCallbacks) -> Iterator[tuple[str, object, Callable[[], object]]]:
    """What to call: by which name people know it, the function, and the call."""
    dag: DAG = context["dag"]
    if order.event == "sla_miss":
        arguments = _sla_arguments(dag, order)
        for function in dag.sla_miss_callback:
            yield "sla_miss_callback", function, lambda function=function: call(function, *arguments)
        if to := _mailed(dag, order):
            yield "email", tell_of_misses, lambda: tell_of_misses(dag.dag_id, arguments[1], arguments[2], to)
        return
    for missed in order.missed:
        callback = _alert(dag, missed).callback
        yield (
            "deadline callback",
            callback.path or callback.function,
            lambda callback=callback, missed=missed: call_back(callback, context, missed),
        )


def _sla_arguments(dag: DAG, order: RunCallbacks) -> tuple[Any, ...]:
    """dag, task_list, blocking_task_list, slas, blocking_tis, as Airflow gives them."""
    slas = [_sla_miss(dag, missed) for missed in order.missed]
    blocking = [_blocking(dag, one) for one in order.blocking]
    return dag, _listed(slas), _listed(blocking), slas, blocking


def _mailed(dag: DAG, order: RunCallbacks) -> list[str]:
    """Whom the tasks that are late have as ``email``, each once."""
    late = [dag.task_dict[one.task_id] for one in order.missed if one.task_id in dag.task_dict]
    return sorted({address for task in late for address in addresses(task.email)})


def _listed(found: list[Any]) -> str:
    return "\n".join(f"{one.task_id} on {one.execution_date.isoformat()}" for one in found)


def _sla_miss(dag: DAG, missed: Missed) -> SlaMiss:
    return SlaMiss(
        dag_id=dag.dag_id,
        task_id=missed.task_id or "",
        run_id=missed.run_id,
        execution_date=_moment(missed.logical_date or missed.due_at),
        due_at=_moment(missed.due_at),
        timestamp=_moment(missed.missed_at or missed.due_at),
    )


def _blocking(dag: DAG, one: Blocking) -> BlockingTask:
    return BlockingTask(
        dag_id=dag.dag_id,
        task_id=one.task_id,
        run_id=one.run_id,
        map_index=one.map_index,
        execution_date=_moment(one.logical_date or "1970-01-01T00:00:00+00:00"),
        state=one.state,
        try_number=one.try_number,
        start_date=None if one.start_date is None else _moment(one.start_date),
        task=dag.task_dict.get(one.task_id),
    )


def _alert(dag: DAG, missed: Missed) -> DeadlineAlert:
    alerts = alerts_of(dag)
    if missed.number is None or missed.number >= len(alerts):
        raise NotFound(f"DAG {dag.dag_id!r} has no deadline {missed.name or missed.number!r} any more")
    return alerts[missed.number]


def call_back(callback: DeadlineCallback, context: Context, missed: Missed) -> object:
    """Call the callback of a deadline alert with its own arguments, and with `context` if it takes that."""
    told: dict[str, Any] = {
        **dict(context),
        "deadline": {"id": missed.id, "deadline_time": _moment(missed.due_at), "alert_name": missed.name},
    }
    function = callback.resolve()
    kwargs = context["task"].render_template(callback.kwargs, told)
    if isinstance(function, type):
        notifier: Any = function(**kwargs)
        return call(notifier if callable(notifier) else notifier.notify, told)
    return call(function, **accepted_arguments(function, (), {"context": told}, kwargs))


def _moment(text: str) -> Any:
    return pendulum_moment(datetime.fromisoformat(text))
