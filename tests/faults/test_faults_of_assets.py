"""``bide standalone`` is killed while events of assets make runs: each event has one run of each DAG that waits."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.bide_process import PATIENCE, Project, until

EVENTS = 60
DAGS = """
from bide import DAG, Asset, EmptyOperator, task

made = Asset("made")

with DAG("produce", max_active_tasks=4):
    @task(outlets=[made])
    def make(number):
        return number

    make.expand(number=list(range(60)))

for name in ("first", "second"):
    with DAG(name, schedule=made, asset_policy="each"):
        EmptyOperator(task_id="use")

with DAG("together", schedule=made, max_active_runs=1):
    EmptyOperator(task_id="use")
"""


def ask(database: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def start(project: Project, fault: str = "") -> subprocess.Popen[str]:
    return project.start("standalone", "--port", "0", "--dags", str(project.dag_file.parent), fault=fault)


def is_over(project: Project) -> bool:
    """Every event is there, and all that it calls for has ended."""
    events = ask(project.database, "SELECT count(*) FROM asset_event")[0][0]
    left = "SELECT (SELECT count(*) FROM dag_run WHERE state IN ('queued', 'running')) + "
    left += "(SELECT count(*) FROM asset_delivery WHERE run_uid IS NULL)"
    return events == EVENTS and ask(project.database, left)[0][0] == 0


@pytest.mark.parametrize(
    "faults", [("finish.before:kill:20", "finish.after:kill:20"), ("finish.after:kill-all:7",)]
)
def test_each_event_has_its_runs_whenever_the_engine_dies(project: Project, faults: tuple[str, ...]) -> None:
    (project.dag_file.parent / "assets.py").write_text(DAGS)
    for number, fault in enumerate(faults):
        engine = start(project, fault)
        try:
            if not number:
                until(lambda: "Bide listens at" in project.output(), project.output)
                assert project.run("dags", "trigger", "produce") == 0, project.output()
            assert engine.wait(PATIENCE) == -signal.SIGKILL, project.output()
        finally:
            engine.kill()
            engine.wait()
    engine = start(project)
    try:
        until(lambda: is_over(project), project.output)
        engine.send_signal(signal.SIGTERM)
        assert engine.wait(PATIENCE) == 0, project.output()
    finally:
        engine.kill()
        engine.wait()
    # No event is made twice: the success of its task and the event are one commit.
    assert ask(project.database, "SELECT count(*), count(DISTINCT source_map_index) FROM asset_event") == [
        (EVENTS, EVENTS)
    ]
    runs = dict(ask(project.database, "SELECT dag_id, count(*) FROM dag_run GROUP BY dag_id"))
    assert (runs["first"], runs["second"]) == (EVENTS, EVENTS)
    assert 1 <= runs["together"] <= EVENTS
    had = "SELECT dag_id, count(*), count(DISTINCT event_uid) FROM asset_delivery WHERE run_uid IS NOT NULL"
    assert ask(project.database, f"{had} GROUP BY dag_id") == [
        (name, EVENTS, EVENTS) for name in ("first", "second", "together")
    ]
    states = ask(project.database, "SELECT DISTINCT state FROM dag_run")
    assert states == [("success",)]
    assert project.lasting_processes() == []
