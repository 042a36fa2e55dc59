"""The package databricks on a fake of its service."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.providers.conftest import MakeFolder
from tests.support.commands import DagRun
from tests.support.databricks import Databricks

pytestmark = pytest.mark.providers

DAY = "2024-05-06"
DEFERRED = "scheduled queued running deferred scheduled queued running"


@pytest.fixture(scope="module")
def databricks() -> Iterator[Databricks]:
    with Databricks() as server:
        yield server


@pytest.fixture(scope="module")
def run(make_folder: MakeFolder, databricks: Databricks) -> DagRun:
    folder = make_folder("databricks_.py", AIRFLOW_CONN_DATABRICKS_DEFAULT=json.dumps(databricks.connection()))
    return folder.dag_run("databricks_", "--logical-date", DAY, code=1)


@pytest.mark.parametrize(("mode", "states"), [("blocking", "scheduled queued running"), ("deferrable", DEFERRED)])
@pytest.mark.parametrize("kind", ["run_now", "submit"])
class TestBothModes:
    def test_a_run_is_waited_for(self, run: DagRun, kind: str, mode: str, states: str) -> None:
        assert run.states(f"{kind}_succeeds_{mode}") == f"{states} success"

    def test_the_run_is_pushed(
        self, run: DagRun, databricks: Databricks, kind: str, mode: str, states: str
    ) -> None:
        pushed = run.tasks[f"{kind}_succeeds_{mode}"]["xcom"]
        assert pushed["run_page_url"].endswith(f"/run/{pushed['run_id']}")
        assert DAY in json.dumps(databricks.begun[pushed["run_id"]])

    def test_a_run_that_fails_fails_the_task(self, run: DagRun, kind: str, mode: str, states: str) -> None:
        assert run.states(f"{kind}_fails_{mode}") == f"{states} failed"
        assert "the notebook raised an error" in run.tasks[f"{kind}_fails_{mode}"]["error"]


def test_a_run_is_cancelled_with_its_task(run: DagRun, databricks: Databricks) -> None:
    assert run.states("timed_out") == "scheduled queued running deferred failed"
    (run_id,) = databricks.cancelled
    assert int(databricks.begun[run_id]["job_id"]) == 3
