"""What the context tells of days and runs around a run."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from bide.authoring.context import Context, build_context
from bide.authoring.dag import DAG
from bide.authoring.instance import DagRun, TaskInstance
from bide.authoring.operator import BaseOperator
from bide.authoring.runtime import RunRecord, use_runtime
from bide.authoring.templates import environment_for, render

DAY = dt.datetime(2026, 3, 29, tzinfo=dt.UTC)
ONE = dt.timedelta(days=1)


class Runs:
    """A runtime that knows one earlier run, and counts who asks."""

    def __init__(self, found: RunRecord | None) -> None:
        self.found = found
        self.asked: list[str | None] = []

    def earlier_run(self, state: str | None) -> RunRecord | None:
        self.asked.append(state)
        return self.found


def context_of(schedule: Any, *, run_type: str = "scheduled", length: dt.timedelta = ONE) -> Context:
    with DAG("d", schedule=schedule) as dag:
        task = BaseOperator(task_id="t")
    run = DagRun(
        dag_id="d",
        run_id="r",
        run_type=run_type,
        logical_date=DAY,
        data_interval_start=DAY,
        data_interval_end=DAY + length,
        run_after=DAY + length,
    )
    return build_context(task=task, dag=dag, dag_run=run, task_instance=TaskInstance(task=task, dag_run=run))


def test_the_days_around() -> None:
    context = context_of("@daily")
    assert [context[f"{name}_ds"] for name in ("yesterday", "prev", "next", "tomorrow")] == [
        "2026-03-28", "2026-03-28", "2026-03-30", "2026-03-30"
    ]  # fmt: skip
    assert (context["yesterday_ds_nodash"], context["next_ds_nodash"]) == ("20260328", "20260330")
    assert (context["prev_execution_date"], context["next_execution_date"]) == (DAY - ONE, DAY + ONE)
    assert render(environment_for(None).from_string("{{ prev_ds }} {{ next_execution_date.day }}"), context) == (
        "2026-03-28 30"
    )


def test_they_follow_the_schedule() -> None:
    context = context_of("0 0 * * 0", length=7 * ONE)
    assert (context["prev_ds"], context["yesterday_ds"], context["next_ds"]) == (
        "2026-03-22", "2026-03-28", "2026-04-05"
    )  # fmt: skip


@pytest.mark.parametrize(("schedule", "run_type"), [("@daily", "manual"), (None, "manual")])
def test_a_run_by_hand_is_between_no_others(schedule: Any, run_type: str) -> None:
    context = context_of(schedule, run_type=run_type)
    assert context["prev_ds"] == context["next_ds"] == context["ds"]


def test_the_last_success_is_asked_for_once_and_only_by_who_names_it() -> None:
    earlier = RunRecord(
        "d", "r0", "scheduled", "success", {"a": 1}, DAY - ONE, DAY - ONE, DAY, DAY, DAY + ONE / 24, DAY + ONE / 12
    )
    runs = Runs(earlier)
    context = context_of("@daily")
    with use_runtime(runs):  # type: ignore[arg-type]
        assert dict(context) and runs.asked == []
        assert context["prev_data_interval_start_success"] == DAY - ONE
        assert context["prev_data_interval_end_success"] == DAY
        assert context["prev_start_date_success"] == DAY + ONE / 24
        assert context["prev_end_date_success"].add(hours=1) == DAY + ONE / 8
        assert context.copy()["prev_execution_date_success"] == DAY - ONE
        assert runs.asked == ["success"]
        found = context["ti"].get_previous_dagrun()
        assert (found.run_id, found.state, found.conf) == ("r0", "success", {"a": 1})
        assert runs.asked == ["success", None]


def test_without_a_success_there_is_none() -> None:
    context = context_of("@daily")
    with use_runtime(Runs(None)):  # type: ignore[arg-type]
        assert context["prev_data_interval_start_success"] is None
        assert context["ti"].get_previous_dagrun() is None
