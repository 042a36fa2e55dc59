"""Backfills with real engines."""

from __future__ import annotations

import json
import signal
from typing import Any

from tests.support.api import Api
from tests.support.commands import Folder

DAGS = """
from datetime import datetime
from pathlib import Path
from time import sleep

from airflow import DAG
from airflow.operators.python import PythonOperator

here = Path(__file__).parent


def load(ds):
    with (here / "loaded").open("a") as file:
        file.write(ds + "\\n")
    if (here / "broken").exists() and ds.endswith("-03"):
        raise ValueError("broken")
    while (here / "hangs").exists() and ds.endswith("-03"):
        sleep(0.05)


with DAG("orders_etl", schedule="@daily", start_date=datetime(2023, 1, 1), catchup=False, max_active_runs=5) as dag:
    extract = PythonOperator(task_id="extract", python_callable=lambda: None)
    extract >> PythonOperator(task_id="load", python_callable=load)
"""
PAUSED = {"BIDE__CORE__DAGS_ARE_PAUSED_AT_CREATION": "true"}
RANGE = ("--start-date", "2024-01-01", "--end-date", "2024-01-31")


def loaded(folder: Folder) -> list[str]:
    return (folder.path / "dags" / "loaded").read_text().split()


def states(folder: Folder, number: int) -> dict[str, Any]:
    record = json.loads(folder.run("backfill", "show", str(number), "-o", "json").stdout)
    return {one["logical_date"][:10]: one["state"] for one in record["dates"]}


def test_the_commands_of_the_document(folder: Folder) -> None:
    folder.dag("orders", DAGS)
    broken = folder.path / "dags" / "broken"
    broken.touch()
    days = [f"2024-01-{day:02}" for day in range(1, 32)]
    with folder.start("standalone", "--port", "0", **PAUSED) as server:
        server.read_until("curl -u")
        dry = folder.run("dags", "backfill", *RANGE, "--dry-run", "orders_etl", "-o", "json")
        assert [row["logical_date"][:10] for row in json.loads(dry.stdout)] == days
        assert not (folder.path / "dags" / "loaded").exists()
        first = folder.run("dags", "backfill", *RANGE, "--max-jobs", "2", "orders_etl")
        assert first.returncode == 1
        assert "1 failed, 30 success" in first.stderr
        assert sorted(loaded(folder)) == days
        broken.unlink()
        # As in the document.
        again = folder.run("dags", "backfill", *RANGE, "--rerun-failed-tasks", "orders_etl")
        assert "30 left out, 1 success" in again.stderr
        assert loaded(folder)[31:] == ["2024-01-03"]
        assert set(states(folder, 2).values()) == {"left_out", "success"}


def test_a_backfill_goes_on_after_kill_9(folder: Folder) -> None:
    folder.dag("orders", DAGS)
    hangs = folder.path / "dags" / "hangs"
    hangs.touch()
    with folder.start("standalone", "--port", "0", **PAUSED) as server:
        server.read_until("curl -u")
        folder.run("backfill", "create", "orders_etl", *RANGE, "-m", "1")
        with Api(folder, server) as api:
            api.until(lambda: states(folder, 1).get("2024-01-03") == "running")
        server.send(signal.SIGKILL)
        server.wait()
    hangs.unlink()
    with folder.start("standalone", "--port", "0", **PAUSED) as server:
        server.read_until("curl -u")
        folder.ask("backfill", "wait", "1")
    assert set(states(folder, 1).values()) == {"success"}
    assert len(states(folder, 1)) == 31
