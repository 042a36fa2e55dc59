"""SQL of the package databricks on a warehouse that speaks the connector's own protocol."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.providers.conftest import MakeFolder
from tests.support.commands import DagRun
from tests.support.databricks_sql import Warehouse

pytestmark = pytest.mark.providers

DAY = "2024-05-06"


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("output")


@pytest.fixture(scope="module")
def run(make_folder: MakeFolder, output: Path) -> DagRun:
    with Warehouse() as warehouse:
        folder = make_folder(
            "databricks_sql.py",
            AIRFLOW_CONN_DATABRICKS_DEFAULT=json.dumps(warehouse.connection()),
            AIRFLOW_VAR_OUTPUT=str(output),
        )
        return folder.dag_run("databricks_sql", "--logical-date", DAY, code=1)


def test_statements_are_run(run: DagRun) -> None:
    assert run.end("load") == "success"
    assert [list(row) for row in run.result("total")[1]] == [[DAY, 42]]


def test_rows_are_written_to_a_file(run: DagRun, output: Path) -> None:
    assert run.end("export") == "success"
    assert (output / f"{DAY}.csv").read_text().split() == ["amount", "1", "41"]


def test_a_sensor_waits_for_rows(run: DagRun) -> None:
    assert run.end("arrived") == "success"


def test_a_wrong_statement_fails(run: DagRun) -> None:
    assert run.end("wrong") == "failed"
    assert "no such table: nowhere" in run.tasks["wrong"]["error"]


def test_a_sensor_gives_up(run: DagRun) -> None:
    assert run.end("empty") == "failed"
    assert "SensorTimeout" in run.tasks["empty"]["error"]


def test_a_statement_has_a_time_limit(run: DagRun) -> None:
    assert run.end("too_long") == "failed"
    assert "execution_timeout" in run.tasks["too_long"]["error"]
