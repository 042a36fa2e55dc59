"""DAGs that make runs of others and wait for them, with real processes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.acceptance.conftest import DAG_FILES
from tests.support.commands import Command, Folder

MOMENT = "2026-03-01T00:00:00+00:00"


@pytest.fixture
def project(folder: Folder) -> Folder:
    folder.copy(DAG_FILES / "other_runs.py")
    (folder.dags / "notes").touch()
    return folder


@pytest.fixture
def notes(project: Folder) -> Iterator[Command]:
    """What the tasks note, as it comes, while a server works."""
    with project.start("standalone", "--port", "0") as server:
        server.read_until("curl -u")
        with Command(["tail", "-n", "+1", "-f", str(project.dags / "notes")], project.path, {}) as notes:
            yield notes


def states(project: Folder, dag_id: str, run_id: str) -> dict[str, str]:
    return {task["task_id"]: task["state"] for task in project.ask("tasks", "list", dag_id, "--run", run_id)}


def test_a_dag_makes_runs_of_another_and_waits_for_them(project: Folder, notes: Command) -> None:
    assert project.run("dags", "trigger", "parent", "--run-id", "p1").returncode == 0
    notes.read_until("child from-p1 with deferred")
    notes.read_until("parent knows from-p1")
    notes.read_until("parent is done")
    found = states(project, "parent", "p1")
    assert {name: found[name] for name in ("deferred", "looking", "failing")} == {
        "deferred": "success",
        "looking": "success",
        "failing": "failed",
    }
    log = project.run("tasks", "logs", "parent", "failing", "--run", "p1").stdout
    assert "TriggeredRunFailed: DAG 'child': run manual__" in log and "is failed" in log


def test_a_dag_waits_for_a_task_of_another(project: Folder, notes: Command) -> None:
    assert project.run("dags", "trigger", "listener", "--logical-date", MOMENT).returncode == 0
    conf = json.dumps({"word": "hello"})
    made = project.run("dags", "trigger", "child", "--logical-date", MOMENT, "--run-id", "c1", "--conf", conf)
    assert made.returncode == 0, made
    notes.read_until("child c1 with hello")
    notes.read_until("task success, run success")
    notes.read_until("listener has heard")
