"""The package databricks on a fake of its service; test_sdks.py shows that the fake answers as the service does."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.providers.conftest import MakeFolder, cancelled_run
from tests.support.commands import DagRun, Folder
from tests.support.databricks import Databricks

pytestmark = pytest.mark.providers

DAY = "2024-05-06"
DEFERRED = "scheduled queued running deferred scheduled queued running"
MODES = [("blocking", "scheduled queued running"), ("deferrable", DEFERRED)]


@pytest.fixture(scope="module")
def databricks() -> Iterator[Databricks]:
    with Databricks() as server:
        yield server


@pytest.fixture(scope="module")
def folder(make_folder: MakeFolder, databricks: Databricks) -> Folder:
    return make_folder("databricks_.py", AIRFLOW_CONN_DATABRICKS_DEFAULT=json.dumps(databricks.connection()))


@pytest.fixture(scope="module")
def run(folder: Folder) -> DagRun:
    return folder.dag_run("databricks_", "--logical-date", DAY, code=1)


@pytest.mark.parametrize(("mode", "states"), MODES)
@pytest.mark.parametrize("kind", ["run_now", "submit", "notebook", "statement"])
class TestBothModes:
    def test_work_is_waited_for(self, run: DagRun, kind: str, mode: str, states: str) -> None:
        assert run.states(f"{kind}_succeeds_{mode}") == f"{states} success"

    def test_what_fails_fails_the_task(self, run: DagRun, kind: str, mode: str, states: str) -> None:
        assert run.states(f"{kind}_fails_{mode}") == f"{states} failed"
        reason = "no such table" if kind == "statement" else "the notebook raised an error"
        assert reason in run.tasks[f"{kind}_fails_{mode}"]["error"]

    def test_what_takes_too_long_is_cancelled(
        self, run: DagRun, databricks: Databricks, kind: str, mode: str, states: str
    ) -> None:
        deferred = " deferred" if mode == "deferrable" else ""
        assert run.states(f"{kind}_times_out_{mode}") == f"scheduled queued running{deferred} failed"
        pushed = run.tasks[f"{kind}_times_out_{mode}"]["xcom"]
        if kind == "statement":
            assert pushed["statement_id"] in databricks.cancelled_statements
        else:
            assert databricks.is_cancelled(pushed["run_id"])


@pytest.mark.parametrize("mode", ["blocking", "deferrable"])
@pytest.mark.parametrize("kind", ["run_now", "submit"])
def test_the_run_is_pushed(run: DagRun, databricks: Databricks, kind: str, mode: str) -> None:
    pushed = run.tasks[f"{kind}_succeeds_{mode}"]["xcom"]
    assert pushed["run_page_url"].endswith(f"/run/{pushed['run_id']}")
    assert DAY in json.dumps(databricks.begun[pushed["run_id"]])


@pytest.mark.parametrize("mode", ["blocking", "deferrable"])
def test_its_page_is_linked(run: DagRun, folder: Folder, mode: str) -> None:
    shown = folder.ask("tasks", "show", "databricks_", f"run_now_succeeds_{mode}")
    assert run.state == "failed"
    assert shown["links"] == {"See Databricks Job Run": shown["xcom"]["run_page_url"]}


@pytest.mark.parametrize("task_id", ["sensor_blocking", "sensor_deferrable"])
def test_a_sensor_waits_for_its_statement(run: DagRun, task_id: str) -> None:
    assert run.end(task_id) == "success"
    assert ("deferred" in run.states(task_id)) == (task_id == "sensor_deferrable")


def test_files_and_jars_are_run(run: DagRun, databricks: Databricks) -> None:
    assert run.end("python_file") == "success"
    assert run.end("jar") == "success"
    sent = [one["spark_jar_task"] for one in databricks.begun.values() if "spark_jar_task" in one]
    assert sent == [{"main_class_name": "com.company/success", "parameters": [DAY]}]


def test_a_job_is_made_and_run_by_its_name(run: DagRun, databricks: Databricks) -> None:
    assert run.end("run_created") == "success"
    begun = databricks.begun[run.tasks["run_created"]["xcom"]["run_id"]]
    assert int(begun["job_id"]) == run.result("create_job")


def test_a_workflow_is_one_job_whose_tasks_are_followed(run: DagRun, databricks: Databricks) -> None:
    launched = run.result("workflow.launch")
    assert run.states("workflow.extract") == f"{DEFERRED} success"
    assert run.end("workflow.load") == "failed"
    assert "the notebook raised an error" in run.tasks["workflow.load"]["error"]
    tasks = databricks.jobs[launched["job_id"]]["tasks"]
    (extract,) = [one for one in tasks if not one["depends_on"]]
    assert [one["depends_on"] for one in tasks if one != extract] == [[{"task_key": extract["task_key"]}]]


def test_what_runs_is_cancelled_with_the_run(folder: Folder, databricks: Databricks) -> None:
    runs, statements = len(databricks.cancelled), len(databricks.cancelled_statements)
    begun = len(databricks.looked_at("goes_on"))

    def all_are_waited_for() -> bool:
        looks = databricks.looked_at("goes_on")[begun:]
        return len(looks) == 8 and min(looks) >= 4

    states = cancelled_run(folder, "databricks_cancelled", all_are_waited_for, databricks)
    assert set(states.values()) == {"failed"}
    assert len(databricks.cancelled) == runs + 6
    assert len(databricks.cancelled_statements) == statements + 2


def test_the_connection_can_be_tested(folder: Folder) -> None:
    assert "success" in str(folder.run("connections", "test", "databricks_default"))
