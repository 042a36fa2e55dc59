"""``sla_miss_callback`` and deadline alerts: when they are called, and with what."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from bide import DAG, AsyncCallback, DeadlineAlert, DeadlineReference, SyncCallback, TimeDeltaSensor, task
from bide.testing import run_dag

HOUR = dt.timedelta(hours=1)

told: list[Any] = []


@pytest.fixture(autouse=True)
def _nothing_told() -> None:
    told.clear()


def alert(**kwargs: Any) -> None:
    told.append(kwargs)


def plain(text: str) -> None:
    told.append(text)


async def async_alert(text: str, context: Any) -> None:
    told.append((text, context["dag_run"].run_id, context["deadline"]["alert_name"]))


class Notifier:
    """As Airflow's notifiers: called with the context."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __call__(self, context: Any) -> None:
        told.append((self.text, context["deadline"]["deadline_time"]))


def broken(**kwargs: Any) -> None:
    raise ValueError("no phone")


def slow_dag(**options: Any) -> DAG:
    """Its second task ends after five hours."""
    with DAG("slow", **options) as dag:

        @task(sla=HOUR)
        def quick() -> None: ...

        waits = TimeDeltaSensor(task_id="waits", delta=5 * HOUR, deferrable=True, sla=2 * HOUR)
        quick() >> waits
    return dag


def test_an_sla_that_is_missed_is_told_with_airflows_arguments() -> None:
    def missed(*arguments: Any) -> None:
        told.append(arguments)

    result = run_dag(slow_dag(sla_miss_callback=missed))
    assert result.state == "success"
    ((dag, task_list, blocking_task_list, slas, blocking),) = told
    assert dag.dag_id == "slow"
    assert result.logical_date is not None
    assert task_list == f"waits on {result.logical_date.isoformat()}"
    assert blocking_task_list == task_list
    (sla,) = slas
    assert (sla.dag_id, sla.task_id, sla.run_id) == ("slow", "waits", result.run_id)
    assert sla.execution_date == result.logical_date
    assert result.start_date is not None
    assert abs(sla.due_at - result.start_date - 2 * HOUR) < dt.timedelta(minutes=1)
    (late,) = blocking
    assert (late.task_id, late.state, late.map_index, late.task.task_id) == ("waits", "deferred", -1, "waits")


def test_several_callbacks_and_one_that_fails() -> None:
    def first(*arguments: Any) -> None:
        raise ValueError("no phone")

    def second(*arguments: Any) -> None:
        told.append(len(arguments))

    assert run_dag(slow_dag(sla_miss_callback=[first, second])).state == "success"
    assert told == [5]


def test_an_sla_without_a_callback_is_no_error() -> None:
    assert run_dag(slow_dag()).state == "success"


@pytest.mark.parametrize("hours", [4, 6])
def test_a_deadline_of_the_run(hours: int) -> None:
    deadline = DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=hours * HOUR,
        callback=SyncCallback(alert, kwargs={"text": "{{ dag_run.run_id }} is late"}),
        name="evening",
    )
    result = run_dag(slow_dag(deadline=deadline))
    if hours == 6:
        assert told == []
        return
    (kwargs,) = told
    assert kwargs["text"] == f"{result.run_id} is late"
    assert kwargs["context"]["dag_run"].run_id == result.run_id
    deadline_time = kwargs["context"]["deadline"]["deadline_time"]
    assert result.start_date is not None
    assert abs(deadline_time - result.start_date - 4 * HOUR) < dt.timedelta(minutes=1)


def test_functions_async_functions_paths_and_notifiers() -> None:
    def at(hours: int, callback: Any) -> DeadlineAlert:
        return DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, hours * HOUR, callback, name=f"after {hours}")

    deadlines = [
        at(1, SyncCallback(f"{__name__}.plain", {"text": "by path"})),
        at(2, AsyncCallback(async_alert, {"text": "async"})),
        at(3, AsyncCallback(Notifier, {"text": "notifier"})),
        at(4, SyncCallback(broken)),
    ]
    result = run_dag(slow_dag(deadline=deadlines))
    assert result.state == "success"
    assert told[0] == "by path"
    assert told[1] == ("async", result.run_id, "after 2")
    assert told[2][0] == "notifier"
    assert len(told) == 3


def test_a_deadline_before_the_run_is_missed_at_once() -> None:
    deadline = DeadlineAlert(
        DeadlineReference.FIXED_DATETIME(dt.datetime(2020, 1, 1)), HOUR, SyncCallback(plain, {"text": "late"})
    )
    run_dag(slow_dag(deadline=deadline))
    assert told == ["late"]
