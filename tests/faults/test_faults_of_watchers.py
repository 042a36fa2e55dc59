"""``bide standalone`` is killed while a watcher reads a queue: each message is one event, and starts one run."""

from __future__ import annotations

import signal

import pytest

from tests.faults.bide_process import PATIENCE, Project, until
from tests.faults.test_faults_of_assets import ask, start

MESSAGES = 60
DAGS = """
import asyncio
from pathlib import Path

from bide import DAG, Asset, AssetWatcher, BaseEventTrigger, EmptyOperator, TriggerEvent

ACKS = Path(__file__).with_name("acks")


class Queue(BaseEventTrigger):
    def serialize(self):
        return "watched.Queue", {}

    async def run(self):
        done = len(ACKS.read_text().splitlines()) if ACKS.exists() else 0
        for number in range(done, 60):
            yield TriggerEvent(number, key=f"queue/{number}")
            with ACKS.open("a") as acks:
                acks.write(f"{number}\\n")
        await asyncio.Event().wait()


with DAG("use", schedule=Asset("queue", watchers=[AssetWatcher("w", Queue())]), asset_policy="each"):
    EmptyOperator(task_id="use")
"""


def is_over(project: Project) -> bool:
    (left,) = ask(
        project.database,
        "SELECT (SELECT count(*) FROM asset_event), (SELECT count(*) FROM dag_run WHERE state = 'success')",
    )
    return left == (MESSAGES, MESSAGES)


@pytest.mark.parametrize("faults", [("event.before:kill:20", "event.after:kill:20"), ("event.after:kill-all:7",)])
def test_each_message_is_one_event_whenever_the_engine_dies(project: Project, faults: tuple[str, ...]) -> None:
    (project.dag_file.parent / "watched.py").write_text(DAGS)
    for fault in faults:
        engine = start(project, fault)
        try:
            assert engine.wait(PATIENCE) == -signal.SIGKILL, project.output()
        finally:
            engine.kill()
            engine.wait()
        acks = (project.dag_file.parent / "acks").read_text().split()
        stored = ask(project.database, "SELECT count(*) FROM asset_event")[0][0]
        assert len(acks) <= int(str(stored)) <= len(acks) + 1, "nothing is acknowledged before it is stored"
    engine = start(project)
    try:
        until(lambda: is_over(project), project.output)
        engine.send_signal(signal.SIGTERM)
        assert engine.wait(PATIENCE) == 0, project.output()
    finally:
        engine.kill()
        engine.wait()
    had = "SELECT count(*), count(DISTINCT event_uid) FROM asset_delivery WHERE run_uid IS NOT NULL"
    assert ask(project.database, had) == [(MESSAGES, MESSAGES)]
    acks = (project.dag_file.parent / "acks").read_text().split()
    assert sorted(set(map(int, acks))) == list(range(MESSAGES))
    (counted,) = ask(project.database, "SELECT events, session FROM asset_watcher")
    assert counted == (MESSAGES, None), "given back by the engine that has stopped"
    assert project.lasting_processes() == []
