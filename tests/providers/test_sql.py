"""The packages common-sql, sqlite and postgres on real databases."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.providers.conftest import MakeFolder
from tests.support.commands import DagRun, Folder
from tests.support.postgres import PostgresServer

pytestmark = pytest.mark.providers

DAY = "2024-05-06"


@pytest.fixture(scope="module")
def folder(make_folder: MakeFolder, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    postgres.make(name="warehouse")
    file = tmp_path_factory.mktemp("sqlite") / "warehouse.db"
    return make_folder(
        "sql_.py",
        "dropped_sql.py",
        "daily_summary.sql",
        AIRFLOW_CONN_SQLITE_DEFAULT=f"sqlite://{quote(str(file))}",
        AIRFLOW_CONN_POSTGRES_DEFAULT=f"postgresql://postgres@{quote(str(postgres.folder), safe='')}/warehouse",
    )


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def run(request: pytest.FixtureRequest, folder: Folder) -> DagRun:
    return folder.dag_run(f"sql_{request.param}", "--logical-date", DAY, code=1)


def test_statements_of_a_file_are_filled_in(run: DagRun) -> None:
    assert run.result("from_file") == [[42]]


def test_a_wrong_statement_fails(run: DagRun) -> None:
    assert run.end("fails") == "failed"
    assert "nowhere" in run.log("fails")


@pytest.mark.parametrize("task_id", ["check", "value", "columns", "table"])
def test_checks_pass(run: DagRun, task_id: str) -> None:
    assert run.end(task_id) == "success"


def test_a_check_fails(run: DagRun) -> None:
    assert run.end("wrong_value") == "failed"
    assert "43" in run.log("wrong_value")


def test_a_branch_goes_by_a_value(run: DagRun) -> None:
    assert run.end("late") == "success"
    assert run.end("never") == "skipped"


def test_a_hook_is_found_by_the_type_of_its_connection(run: DagRun) -> None:
    assert run.result("late") == [[7]]


def test_a_sensor_waits_for_a_row(run: DagRun) -> None:
    assert "up_for_reschedule" in run.states("arrived")
    assert run.end("arrived") == "success"


def test_a_statement_has_a_time_limit(run: DagRun) -> None:
    assert run.end("too_long") == "failed"
    assert "execution_timeout" in run.tasks["too_long"]["error"]


def test_a_sensor_fails_and_gives_up(run: DagRun) -> None:
    assert run.end("wrong_sensor") == "failed"
    assert "nowhere" in run.tasks["wrong_sensor"]["error"]
    assert run.end("never_arrives") == "failed"
    assert "SensorTimeout" in run.tasks["never_arrives"]["error"]


def test_operators_that_were_dropped_work(folder: Folder) -> None:
    run = folder.dag_run("dropped_sql", "--logical-date", DAY)
    assert run.result("sqlite") == [[DAY]]
    assert run.result("postgres") == [["3s"]]


@pytest.mark.parametrize("conn_id", ["sqlite_default", "postgres_default"])
def test_connections_can_be_tested(folder: Folder, conn_id: str) -> None:
    assert "success" in str(folder.run("connections", "test", conn_id))
