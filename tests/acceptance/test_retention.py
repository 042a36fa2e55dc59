"""Old history is deleted beside a real engine, with what lies outside of the store."""

from __future__ import annotations

from tests.support.api import Api
from tests.support.commands import Folder

DAGS = """
from airflow import DAG
from airflow.operators.python import PythonOperator

with DAG("large", schedule=None):
    PythonOperator(task_id="make", python_callable=lambda: "x" * 1000)
"""


def test_runs_go_with_their_logs_and_objects(folder: Folder) -> None:
    folder.dag("large", DAGS)
    objects = folder.path / "objects"
    settings = {"BIDE__XCOM__OBJECTSTORAGE_PATH": f"file://{objects}", "BIDE__XCOM__OBJECTSTORAGE_THRESHOLD": "100"}
    with folder.start("standalone", "--port", "0", **settings) as server:
        server.read_until("curl -u")
        with Api(folder, server) as api:
            run = api.run_to_end("large")
            assert run["state"] == "success"
            (stored,) = objects.rglob("*.json")
            (log,) = (folder.home / "logs").rglob("1.log")
            done = folder.ask("db", "clean", "--older-than", "0", "--yes", **settings)
            assert done["tables"]["dag_run"] == 1
            api.until(lambda: not stored.exists())
            assert not log.exists()
            assert api.get("/dags/large/dagRuns")["total_entries"] == 0


def test_the_settings_are_kept_by_the_engine(folder: Folder) -> None:
    folder.dag("large", DAGS)
    (folder.path / "bide.toml").write_text(
        '[retention]\nmax_runs = 1\narchive_folder = "kept"\ninterval_sec = 0.2\n'
    )
    with folder.start("standalone", "--port", "0") as server:
        server.read_until("curl -u")
        with Api(folder, server) as api:
            for _ in range(3):
                last = api.run_to_end("large")
            api.until(lambda: api.get("/dags/large/dagRuns")["total_entries"] == 1)
            assert api.get("/dags/large/dagRuns")["dag_runs"][0]["dag_run_id"] == last["dag_run_id"]
    assert list((folder.home / "kept").glob("history-*.jsonl.gz"))
