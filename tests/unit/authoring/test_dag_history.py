"""What a DAG says of its runs and its schedule under Airflow's names."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from bide.authoring.context import DagRun, TaskInstance
from bide.authoring.dag import DAG
from bide.authoring.operator import BaseOperator
from bide.authoring.runtime import InstanceRecord, InstancesAsked, RunRecord, RunsAsked, use_runtime

DAY = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
ONE = dt.timedelta(days=1)


class Store:
    """A runtime that gives what a test has put there, and keeps the questions."""

    def __init__(self) -> None:
        self.runs: list[RunRecord] = []
        self.instances: list[InstanceRecord] = []
        self.asked: list[RunsAsked] = []

    def setting(self, section: str, key: str) -> None:
        return None

    def find_runs(self, asked: RunsAsked) -> list[RunRecord]:
        self.asked.append(asked)
        return self.runs[: asked.limit]

    def find_instances(self, runs: RunsAsked, asked: InstancesAsked) -> list[InstanceRecord]:
        return self.instances


@pytest.fixture
def store() -> Iterator[Store]:
    known = Store()
    for number, (run_id, kind) in enumerate([("third", "scheduled"), ("second", "manual"), ("first", "backfill")]):
        date = DAY - number * ONE
        known.runs.append(RunRecord("d", run_id, kind, "running", {}, date, date, date, date, date, None))
    with use_runtime(known):  # pyright: ignore[reportArgumentType]
        yield known


def test_runs(store: Store) -> None:
    dag = DAG("d")
    last = dag.get_last_dagrun()
    assert last is not None and (last.run_id, last.dag) == ("third", dag)
    assert store.asked[-1].run_types == ("scheduled", "backfill", "asset_triggered")
    assert dag.get_latest_execution_date() == dag.latest_execution_date == DAY
    assert store.asked[-1].run_types == ()
    assert dag.get_dagrun(run_id="x") is not None and store.asked[-1] == RunsAsked("d", ("x",), limit=1)
    assert dag.get_dagrun(execution_date=DAY) is not None and store.asked[-1] == RunsAsked(
        "d", None, (DAY,), limit=1
    )
    assert [run.run_id for run in dag.get_dagruns_between(DAY - 2 * ONE, DAY)] == ["first", "second", "third"]
    assert store.asked[-1] == RunsAsked("d", first=DAY - 2 * ONE, last=DAY)
    assert dag.get_active_runs() == [DAY - 2 * ONE, DAY - ONE, DAY]
    assert store.asked[-1] == RunsAsked("d", states=("running",))
    assert (dag.get_num_active_runs(), dag.get_num_active_runs(external_trigger=True)) == (3, 1)
    dag.get_num_active_runs(only_running=False)
    assert store.asked[-1].states == ("running", "queued")


def test_task_instances(store: Store) -> None:
    with DAG("d") as dag:
        BaseOperator(task_id="t")
    for run_id in ("third", "gone"):
        store.instances.append(
            InstanceRecord(run_id, "t", -1, "failed", 1, 1, "Op", "q", "p", 1, 1, DAY, None, None, None)
        )
    (one,) = dag.get_task_instances(state="failed")
    assert (one.run_id, one.logical_date, one.task) == ("third", DAY, dag.get_task("t"))


@pytest.mark.parametrize(
    ("schedule", "at", "before", "after"),
    [
        ("@daily", DAY, DAY - ONE, DAY + ONE),
        ("@daily", DAY + ONE / 2, DAY, DAY + ONE),
        (dt.timedelta(hours=6), DAY, DAY - ONE / 4, DAY + ONE / 4),
        ("0 12 * * 1", DAY, DAY - 6.5 * ONE, DAY + ONE / 2),
        (None, DAY, None, None),
        ("@once", DAY, None, None),
    ],
)
def test_dates_of_the_schedule(schedule: Any, at: dt.datetime, before: Any, after: Any) -> None:
    dag = DAG("d", schedule=schedule, start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    assert (dag.previous_schedule(at), dag.following_schedule(at)) == (before, after)


def test_older_attributes() -> None:
    dag = DAG("team.etl", schedule="@daily", full_filepath="/dags/team/etl.py")
    with dag:
        first, second = BaseOperator(task_id="a"), BaseOperator(task_id="b").as_teardown()
    dag.set_dependency("a", "b")
    assert second.upstream_task_ids == {"a"} and dag.teardowns == [second] and first.get_dag() is dag
    assert (dag.normalized_schedule_interval, dag.full_filepath) == ("@daily", "/dags/team/etl.py")
    assert (dag.safe_dag_id, dag.subdags, dag.relative_fileloc) == ("team__dot__etl", [], "/dags/team/etl.py")
    dag.dags_folder = "/dags"
    assert dag.relative_fileloc == "team/etl.py"
    first.add_inlets(["in"])
    first.add_outlets(["out"])
    assert (first.get_inlet_defs(), first.get_outlet_defs()) == (["in"], ["out"])
    dag.validate()


def test_what_can_not_be_done_here_says_what_to_use() -> None:
    dag, run = DAG("d"), DagRun(dag_id="d", run_id="r")
    with pytest.raises(AttributeError, match=r"^DAG has no create_dagrun here: use TriggerDagRunOperator"):
        _ = dag.create_dagrun
    with pytest.raises(AttributeError, match=r"^DagRun has no set_state here: use `bide runs mark`"):
        _ = run.set_state
    ti: Any = TaskInstance(task=BaseOperator(task_id="t"), dag_run=run)
    with pytest.raises(AttributeError, match=r"^TaskInstance has no set_state here: use AirflowSkipException"):
        _ = ti.set_state
    with pytest.raises(AttributeError, match=r"^'DAG' object has no attribute 'nonsense'$"):
        _ = dag.nonsense
    assert not hasattr(dag, "is_paused") and getattr(ti, "trigger_timeout", None) is None
    assert copy.copy(dag).dag_id == "d"


def test_a_state_is_looked_up_again(store: Store) -> None:
    run = DagRun(dag_id="d", run_id="third")
    run.state = "queued"
    run.refresh_from_db()
    assert run.state == "running"
    store.instances = [
        InstanceRecord("third", "t", -1, "failed", 1, 1, "Op", "q", "p", 1, 1, DAY, None, None, None)
    ]
    ti = TaskInstance(task=BaseOperator(task_id="t"), dag_run=run)
    ti.refresh_from_db()
    assert ti.state == "failed"
