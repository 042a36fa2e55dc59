"""DAGs that run by themselves, with a real engine: each kind of schedule gives one run after the other."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from datetime import datetime
from itertools import pairwise

from tests.support.commands import Folder

DAGS = """
from datetime import datetime, timedelta, timezone

from airflow import DAG
from airflow.operators.empty import EmptyOperator
from airflow.timetables.events import EventsTimetable
from airflow.timetables.trigger import CronTriggerTimetable, MultipleCronTriggerTimetable

now = datetime.now(timezone.utc).replace(microsecond=0)

for dag_id, schedule in {
    "cron": "* * * * * */2",
    "trigger": CronTriggerTimetable("* * * * * */2", timezone="Asia/Tokyo"),
    "several": MultipleCronTriggerTimetable("* * * * * */4", "* * * * * 2/4", timezone="UTC"),
    "delta": timedelta(seconds=2),
    "continuous": "@continuous",
    "events": EventsTimetable([now + timedelta(seconds=number) for number in range(0, 600, 2)]),
}.items():
    with DAG(dag_id, schedule=schedule):
        EmptyOperator(task_id="only")
"""


async def test_every_kind_of_schedule_goes_on(folder: Folder) -> None:
    folder.dag("kinds", DAGS)
    with folder.start("standalone", "--port", "0") as server:
        server.read_until("curl -u")
        dates: dict[str, list[datetime]] = {}
        async with asyncio.timeout(60):
            while len(dates) < 6 or any(len(found) < 3 for found in dates.values()):
                dates = defaultdict(list)
                for run in json.loads(folder.run("runs", "list", "--limit", "500", "-o", "json").stdout):
                    if run["state"] == "success":
                        dates[run["dag_id"]].append(
                            datetime.fromisoformat(run["run_id"].removeprefix("scheduled__"))
                        )
    for dag_id, found in dates.items():
        pauses = {(one - other).total_seconds() for other, one in pairwise(sorted(found))}
        assert min(pauses) >= (1 if dag_id == "continuous" else 2)
        # On a busy machine some are passed over: there is no catchup.
        assert dag_id == "continuous" or {pause % 2 for pause in pauses} == {0}, (dag_id, pauses)
