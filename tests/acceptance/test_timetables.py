"""Timetables of authors' own, as people use them: in the plugin folder, seen by the commands."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta

from tests.support.commands import Folder

PLUGIN = """
from datetime import timedelta

from airflow.plugins_manager import AirflowPlugin
from airflow.timetables.base import DagRunInfo, DataInterval, Timetable


class HalfHours(Timetable):
    description = "Twice an hour"

    def infer_manual_data_interval(self, *, run_after):
        return DataInterval(run_after - timedelta(minutes=30), run_after)

    def next_dagrun_info(self, *, last_automated_data_interval, restriction):
        if last_automated_data_interval is not None:
            start = last_automated_data_interval.end
        else:
            start = restriction.earliest
        return DagRunInfo.interval(start, start.add(minutes=30))


class Broken(HalfHours):
    def next_dagrun_info(self, *, last_automated_data_interval, restriction):
        raise LookupError("no calendar")


class Calendars(AirflowPlugin):
    name = "calendars"
    timetables = [HalfHours, Broken]
"""

DAGS = """
from datetime import datetime, timedelta, timezone

from airflow import DAG
from airflow.operators.python import PythonOperator
from calendars import Broken, HalfHours

recently = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)


def about(**context):
    return (context["data_interval_end"] - context["data_interval_start"]).total_seconds()


for dag_id, timetable in (("good", HalfHours()), ("bad", Broken())):
    with DAG(dag_id, timetable=timetable, start_date=recently, catchup=True):
        PythonOperator(task_id="about", python_callable=about)
"""


def write(folder: Folder) -> None:
    plugins = folder.path / "plugins"
    plugins.mkdir()
    (plugins / "calendars.py").write_text(PLUGIN)
    folder.dag("calendar_dags", DAGS)


async def test_an_engine_asks_them_and_the_commands_show_it(folder: Folder) -> None:
    write(folder)
    with folder.start("standalone", "--port", "0") as server:
        server.read_until("curl -u")
        async with asyncio.timeout(60):
            while True:
                rows = {row["dag_id"]: row for row in json.loads(folder.run("dags", "list", "-o", "json").stdout)}
                if rows["good"]["next_run"] and rows["bad"]["problem"]:
                    break
        assert rows["good"]["schedule"] == "HalfHours"
        assert "Broken failed: LookupError: no calendar" in rows["bad"]["problem"]
        coming = json.loads(folder.run("dags", "next-execution", "good", "-n", "3", "-o", "json").stdout)
        first, *further = [datetime.fromisoformat(row["run_after"]) for row in coming]
        assert first == datetime.fromisoformat(rows["good"]["next_run"])
        assert [moment - first for moment in further] == [timedelta(minutes=30), timedelta(minutes=60)]
        errors = folder.run("dags", "errors", "-o", "json")
        assert errors.returncode == 1
        (error,) = json.loads(errors.stdout)
        assert error["dag_id"] == "bad"
        assert "LookupError" in error["traceback"]
        assert "no calendar" in folder.run("dags", "next-execution", "bad").stderr
        runs = json.loads(folder.run("runs", "list", "good", "-o", "json").stdout)
        assert 2 <= len(runs) <= 4
        assert {run["run_id"].partition("__")[0] for run in runs} == {"scheduled"}


def test_a_run_by_hand_has_its_interval(folder: Folder) -> None:
    write(folder)
    run = folder.dag_run("good")
    assert run.result("about") == 1800.0
    # Only the schedule of the other one is broken.
    assert folder.dag_run("bad").result("about") == 1800.0
