"""What ``dag_run`` and ``ti`` say of other runs and tasks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from bide.authoring.context import Context, DagRun, TaskInstance, build_context, use_context
from bide.authoring.dag import DAG
from bide.authoring.operator import BaseOperator
from bide.authoring.runtime import (
    InstanceRecord,
    InstancesAsked,
    NoRuntime,
    RunRecord,
    RunsAsked,
    XComRecord,
    use_runtime,
)

DAY = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
ONE = dt.timedelta(days=1)


def run_record(run_id: str, state: str, date: dt.datetime, run_type: str = "scheduled") -> RunRecord:
    return RunRecord("d", run_id, run_type, state, {"of": run_id}, date, date, date + ONE, date + ONE, date, date)


def instance_record(task_id: str, state: str, *, run_id: str = "now", map_index: int = -1) -> InstanceRecord:
    ended = DAY + ONE if state == "success" else None
    return InstanceRecord(
        run_id, task_id, map_index, state, 2, 3, "Op", "q", "p", 1, 7, DAY, DAY, DAY, ended
    )  # fmt: skip


class Store:
    """A runtime that knows some runs and instances, whatever is asked for, and keeps the questions."""

    def __init__(self) -> None:
        self.runs: list[RunRecord] = []
        self.instances: list[InstanceRecord] = []
        self.asked: list[Any] = []

    def setting(self, section: str, key: str) -> None:
        return None

    def find_runs(self, asked: RunsAsked) -> list[RunRecord]:
        self.asked.append(asked)
        return self.runs[: asked.limit]

    def find_instances(self, runs: RunsAsked, asked: InstancesAsked) -> list[InstanceRecord]:
        self.asked.append((runs, asked))
        return self.instances

    def pull_xcoms(self, task_ids: Any, key: str, **where: Any) -> list[XComRecord]:
        self.asked.append((task_ids, key, where["dag_id"], where["run_id"]))
        return [XComRecord(task_ids[0], -1, "value")]


@pytest.fixture
def store() -> Iterator[Store]:
    known = Store()
    with use_runtime(known):  # pyright: ignore[reportArgumentType]
        yield known


@pytest.fixture
def context() -> Context:
    with DAG("d", schedule="@daily") as dag:
        task = BaseOperator(task_id="t")
        BaseOperator(task_id="other", pool="mine")
    run = DagRun(dag_id="d", run_id="now", run_type="scheduled", logical_date=DAY, run_after=DAY + ONE)
    return build_context(task=task, dag=dag, dag_run=run, task_instance=TaskInstance(task=task, dag_run=run))


def test_tasks_of_the_own_run(store: Store, context: Context) -> None:
    store.instances = [instance_record("other", "success"), instance_record("gone", "none")]
    other, gone = context["dag_run"].get_task_instances(state=["success", None])
    assert store.asked == [(RunsAsked("d", run_ids=("now",)), InstancesAsked(states=("success", "none")))]
    assert isinstance(other, TaskInstance)
    assert (other.dag_id, other.task_id, other.run_id, other.state) == ("d", "other", "now", "success")
    assert (other.try_number, other.max_tries, other.operator, other.queue, other.pool) == (2, 3, "Op", "q", "p")
    assert (other.pool_slots, other.priority_weight, other.duration) == (1, 7, 86400.0)
    assert other.task is context["dag"].get_task("other")
    assert (gone.state, gone.task, gone.end_date) == (None, None, None)
    assert [one.task_id for one in context["dag_run"].task_instances] == ["other", "gone"]


def test_one_task_of_the_own_run(store: Store, context: Context) -> None:
    assert context["dag_run"].get_task_instance("other", map_index=3) is None
    assert store.asked == [
        (RunsAsked("d", run_ids=("now",)), InstancesAsked(task_ids=("other",), map_index=3)),
    ]
    store.instances = [instance_record("other", "failed")]
    assert context["dag_run"].get_task_instance("other").current_state() == "failed"
    assert context["ti"].current_state() == "failed"


def test_a_task_of_another_run_gives_its_xcoms_and_takes_none(store: Store, context: Context) -> None:
    store.instances = [instance_record("other", "success", run_id="now")]
    other = context["dag_run"].get_task_instance("other")
    assert other.xcom_pull(key="k") == "value"
    assert store.asked[-1] == (["other"], "k", "d", "now")
    with pytest.raises(NoRuntime, match="can't be pushed for task 'other' of run 'now'"):
        other.xcom_push("k", 1)
    with pytest.raises(NoRuntime, match="has no context: it is not the task that runs here"):
        other.get_template_context()


def test_the_runs_before(store: Store, context: Context) -> None:
    store.runs = [run_record("before", "failed", DAY - ONE)]
    before = context["dag_run"].get_previous_dagrun("failed")
    assert (before.run_id, before.state, before.conf, before.dag) == (
        "before", "failed", {"of": "before"}, context["dag"]
    )  # fmt: skip
    up_to = DAY - dt.timedelta(microseconds=1)
    assert store.asked == [RunsAsked("d", last=up_to, states=("failed",), limit=1)]
    assert context["dag_run"].get_previous_scheduled_dagrun().run_id == "before"
    assert store.asked[-1] == RunsAsked("d", last=up_to, run_types=("scheduled",), limit=1)
    undated = DagRun(dag_id="d", run_id="u")
    assert undated.get_previous_dagrun() is None


def test_the_same_task_before(store: Store, context: Context) -> None:
    store.instances = [instance_record("t", "success", run_id="before")]
    store.runs = [run_record("before", "success", DAY - ONE)]
    before = context["ti"].get_previous_ti("success")
    assert (before.run_id, before.state, before.logical_date) == ("before", "success", DAY - ONE)
    runs, asked = store.asked[0]
    assert (runs.last, asked) == (
        DAY - dt.timedelta(microseconds=1),
        InstancesAsked(("t",), map_index=-1, states=("success",)),
    )
    assert context["ti"].previous_ti.run_id == context["ti"].previous_ti_success.run_id == "before"
    assert context["ti"].get_previous_execution_date() == DAY - ONE == context["ti"].get_previous_start_date()
    store.instances = []
    assert context["ti"].get_previous_ti() is None


def test_counts_and_states(store: Store, context: Context) -> None:
    store.instances = [
        instance_record("a", "success"),
        instance_record("m", "running", map_index=1),
        instance_record("n", "none"),
    ]
    store.runs = [run_record("r", "failed", DAY)]
    assert TaskInstance.get_task_states("d", run_ids=["now"]) == {
        "now": {"a": "success", "m_1": "running", "n": None}
    }
    assert context["ti"].get_ti_count("d", task_ids=["a"], states=["success"]) == 3
    assert store.asked[-1] == (RunsAsked("d"), InstancesAsked(["a"], states=("success",)))
    assert TaskInstance.get_dr_count("d", states=["failed"]) == 1
    assert TaskInstance.get_dagrun_state("d", "r") == "failed"
    assert [one["task_id"] for one in TaskInstance.get_task_breadcrumbs("d", "now")] == ["a"]
    assert context["ti"].get_num_running_task_instances(same_dagrun=True) == 3
    assert store.asked[-1] == (RunsAsked("d", ["now"]), InstancesAsked(["t"], states=("running",)))
    store.runs = []
    assert TaskInstance.get_dagrun_state("d", "r") is None


def test_finding_runs(store: Store, context: Context) -> None:
    store.runs = [
        run_record("late", "success", DAY),
        run_record("by_hand", "success", DAY - ONE, "manual"),
        run_record("filled", "success", DAY - 2 * ONE, "backfill"),
    ]
    with use_context(context):
        assert [one.run_id for one in DagRun.find(state="success")] == ["filled", "by_hand", "late"]
    assert store.asked == [RunsAsked("d", states=("success",))]
    assert [one.run_id for one in DagRun.find("d", external_trigger=True)] == ["by_hand"]
    assert [one.run_id for one in DagRun.find("d", external_trigger=False, no_backfills=True)] == ["late"]
    DagRun.find(dag_id=["d", "e"], run_id="r", execution_date=DAY, logical_start_date="2026-01-01")
    first = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert store.asked[-2:] == [RunsAsked(one, ["r"], [DAY], first) for one in ("d", "e")]


def test_the_own_context_and_templates(store: Store, context: Context) -> None:
    ti = context["ti"]
    assert ti.get_template_context() is context
    assert ti.render_templates() is ti.task
    assert context["dag_run"].get_dag() is context["dag"]
    assert (context["dag_run"].get_state(), context["dag_run"].is_backfill) == ("running", False)
    assert (ti.pool_slots, ti.priority_weight, ti.task_display_name, ti.operator_name) == (
        1,
        1,
        "t",
        "BaseOperator",
    )
