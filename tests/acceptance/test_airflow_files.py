"""DAG files written for Airflow run as they are."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import MakeFolder
from tests.support.commands import DagRun, Folder

DEFERRED = "scheduled queued running deferred scheduled queued running success"


@pytest.fixture(scope="module")
def shared(make_folder: MakeFolder) -> Folder:
    return make_folder("for_airflow.py")


@pytest.fixture(scope="module", params=["False", "True"])
def deferrable(shared: Folder, request: pytest.FixtureRequest) -> tuple[str, DagRun]:
    """A run, with the setting that makes waits deferred by default off and on."""
    options = {"BIDE__OPERATORS__DEFAULT_DEFERRABLE": request.param}
    return request.param, shared.dag_run("dags/for_airflow.py", "--dag", "deferrable", code=1, **options)


def test_waits_are_deferred_by_argument_or_by_default(deferrable: tuple[str, DagRun]) -> None:
    by_default, run = deferrable
    assert run.result("as_set") == ("waited deferred" if by_default == "True" else "waited in the worker")
    assert run.result("deferred") == "waited deferred"
    assert run.states("deferred") == DEFERRED
    assert run.states("kept") == "scheduled queued running success"


def test_a_moment_arrives_as_one(deferrable: tuple[str, DagRun]) -> None:
    assert deferrable[1].result("moment") is True


def test_tasks_end_from_their_trigger(deferrable: tuple[str, DagRun]) -> None:
    run = deferrable[1]
    assert run.states("ends_from_trigger") == "scheduled queued running deferred success"
    assert run.tasks["ends_from_trigger"]["xcom"]["rows"] == 3


@pytest.mark.parametrize("task_id", ["starts_from_trigger", "starts_as_its_instance_says"])
def test_tasks_start_from_their_trigger(deferrable: tuple[str, DagRun], task_id: str) -> None:
    run = deferrable[1]
    assert "deferred" in run.states(task_id)
    assert run.result(task_id) == "never executed"


def test_jobs_are_judged_by_their_event(deferrable: tuple[str, DagRun]) -> None:
    run = deferrable[1]
    assert run.result("job") == "result of 42"
    assert run.end("broken_job") == "failed"
    assert "job failed: out of memory" in run.log("broken_job")


def test_operators_order_xcoms_and_groups(shared: Folder) -> None:
    run = shared.dag_run("dags/for_airflow.py", "--dag", "operators", "--logical-date", "2024-01-15", code=1)
    failed = {"fails", "wait_for_csv"}
    assert {task_id for task_id in run.tasks if run.end(task_id) == "failed"} == failed
    assert {task_id for task_id in run.tasks if run.end(task_id) == "skipped"} == {"skips"}
    assert run.result("transform") == "transforming 2024-01-15"
    assert run.result("pull_task") == "Processing: s3://bucket/file.parquet"
    assert run.tasks["fails"]["tries"] == 1
    assert "sales_2024-01-15.csv" in run.log("wait_for_csv")
    assert run.tasks["ingestion.validate"]["end"] <= run.tasks["transformation.job"]["start"]
    assert {"A", "B", "C", "D"} <= set(run.tasks)


def test_functions_as_tasks(shared: Folder) -> None:
    run = shared.dag_run("taskflow")
    assert run.result("load") == "Loading raw.parquet"


def test_a_file_may_make_many_dags(shared: Folder) -> None:
    listed = {row["dag_id"]: row for row in shared.ask("dags", "list")}
    assert listed["etl_orders"]["schedule"] == "@hourly"
    assert listed["etl_customers"]["tags"] == ["customers"]
    assert listed["first"]["schedule"] == "@daily"
    assert listed["operators"]["schedule"] is None
    assert shared.dag_run("etl_products").result("run_etl") == "products"
