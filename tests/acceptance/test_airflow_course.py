"""A course's DAG files run as they are: modules, arguments and paths of Airflow 2."""

from __future__ import annotations

import sys

import pytest

from tests.acceptance.conftest import MakeFolder
from tests.support.commands import DagRun, Folder

PIPELINES = """
pipelines:
  - name: orders_etl
    schedule: "@daily"
    script: /jobs/orders_etl.py
  - name: clicks_etl
    schedule: "@hourly"
    script: /jobs/clicks_etl.py
"""
SCRIPT = '#!/bin/sh\necho "etl of $1 for $2"\n'
CONNECTION = {"AIRFLOW_CONN_POSTGRES_DEFAULT": "postgresql://admin:secret@db.example:5432/db"}


@pytest.fixture(scope="module")
def folder(make_folder: MakeFolder) -> Folder:
    folder = make_folder("course.py")
    (folder.dags / "pipelines.yaml").write_text(PIPELINES)
    (folder.dags / "run_etl.sh").write_text(SCRIPT)
    (folder.dags / "run_etl.sh").chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def run(folder: Folder) -> DagRun:
    arguments = ("--dag", "course", "--logical-date", "2024-01-15", "--conf", '{"run_date": "2024-01-14"}')
    return folder.dag_run("dags/course.py", *arguments, code=1, **CONNECTION)


def test_files_make_the_dags_that_a_table_names(folder: Folder) -> None:
    listed = {row["dag_id"]: row["schedule"] for row in folder.ask("dags", "list", "--dags", "dags", **CONNECTION)}
    assert (listed["orders_etl"], listed["clicks_etl"]) == ("@daily", "@hourly")
    assert {"course", "producer_dag", "consumer_dag", "historical_reprocess"} < listed.keys()


@pytest.mark.parametrize(
    ("task_id", "result"),
    [
        ("process", "2024-01-15 prod default-bucket db.example"),
        ("run_in_venv", sys.executable),
        ("run_bash", "2024-01-15 /usr/lib/jvm"),
        ("run_script", "etl of 2024-01-15 for prod"),
        ("read_conf", "2024-01-14"),
        ("polls", "nobody there"),
        ("final_load", "s3://job-1"),
    ],
)
def test_operators(run: DagRun, task_id: str, result: str) -> None:
    assert run.result(task_id) == result


@pytest.mark.parametrize("task_id", ["midnight", "reschedules", "defers"])
def test_sensors(run: DagRun, task_id: str) -> None:
    assert run.end(task_id) == "success"


def test_a_task_that_raises_is_tried_again_and_told_of_once(run: DagRun) -> None:
    assert (run.end("raises"), run.tasks["raises"]["tries"]) == ("failed", 2)
    log = run.log("raises")
    assert "Starting ETL for date=2024-01-15" in log and "ETL failed: division by zero" in log
    assert log.count("alert: course 2024-01-15") == 1
    assert "Task failed: raises" in log
