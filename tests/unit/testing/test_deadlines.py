"""``sla_miss_callback`` and deadline alerts: when they are called, and with what."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

import pytest

from bide import (
    DAG,
    AsyncCallback,
    BaseDeadlineReference,
    DeadlineAlert,
    DeadlineReference,
    SyncCallback,
    TimeDeltaSensor,
    VariableInterval,
    task,
)
from bide.authoring.deadlines import deadline_reference
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


class InHours(BaseDeadlineReference):
    """So many hours after the run's logical date; never, for None."""

    def __init__(self, hours: float | None) -> None:
        self.hours = hours

    def evaluate(self, dag_run: Any) -> dt.datetime | None:
        return None if self.hours is None else dag_run.run_after + self.hours * HOUR


@deadline_reference(DeadlineReference.TYPES.DAGRUN_QUEUED)
class AsAirflowHasIt(BaseDeadlineReference):
    required_kwargs: ClassVar[set[str]] = {"dag_id"}

    def _evaluate_with(self, *, session: Any, dag_id: str, **kwargs: Any) -> dt.datetime:
        assert (session, dag_id, kwargs["dag_run"].dag_id) == (None, "slow", "slow")
        return kwargs["dag_run"].run_after.naive()  # without a zone: UTC


def named(text: str, reference: Any, interval: Any) -> DeadlineAlert:
    return DeadlineAlert(reference, interval, SyncCallback(plain, {"text": text}), name=text)


def test_references_of_ones_own() -> None:
    deadlines = [
        named("late", InHours(4), HOUR / 2),
        named("early enough", InHours(5), HOUR),
        named("never", InHours(None), -HOUR),
        named("Airflow's", DeadlineReference.AsAirflowHasIt, HOUR),  # type: ignore[attr-defined]
    ]
    run_dag(slow_dag(deadline=deadlines))
    assert told == ["Airflow's", "late"]


def test_intervals_that_are_looked_up() -> None:
    deadlines = [
        named("late", DeadlineReference.DAGRUN_QUEUED_AT, VariableInterval("patience")),
        named("after the other", InHours(1), VariableInterval("patience")),
        named("early enough", DeadlineReference.DAGRUN_QUEUED_AT, VariableInterval("long")),
        named("no history", DeadlineReference.AVERAGE_RUNTIME(), VariableInterval("patience")),
    ]
    run_dag(slow_dag(deadline=deadlines), variables={"patience": "7200.5", "long": "36000"})
    assert told == ["late", "after the other"]


@pytest.mark.parametrize(
    ("reference", "interval", "words"),
    [
        (DeadlineReference.DAGRUN_QUEUED_AT, VariableInterval("nowhere"), "nowhere"),
        (DeadlineReference.DAGRUN_QUEUED_AT, VariableInterval("soon"), "must be a number of seconds"),
        (BaseDeadlineReference(), HOUR, "BaseDeadlineReference has no evaluate"),
        (InHours("many"), HOUR, "TypeError"),  # type: ignore[arg-type]
    ],
)
def test_a_deadline_that_can_not_be_computed_is_seen(
    reference: Any, interval: Any, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    result = run_dag(
        slow_dag(deadline=[named("first", reference, interval), named("second", InHours(1), HOUR)]),
        variables={"soon": "soon"},
    )
    assert result.state == "success"
    assert told == ["second"]
    (line,) = [one.getMessage() for one in caplog.records if "deadline first" in one.getMessage()]
    assert words in line
