"""Clearing and marking in a project: what has failed runs again, and work outside is cancelled before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.acceptance.conftest import DAG_FILES
from tests.support.commands import Command, Folder


@pytest.fixture
def project(folder: Folder) -> Folder:
    """A project whose tasks note what they do."""
    folder.copy(DAG_FILES / "clearing.py")
    (folder.dags / "notes").touch()
    return folder


@contextmanager
def serving(folder: Folder) -> Iterator[Command]:
    with folder.start("standalone", "--port", "0") as server:
        server.read_until("curl -u")
        yield server


@contextmanager
def noting(folder: Folder) -> Iterator[Command]:
    """The notes, as they come."""
    with Command(["tail", "-n", "+1", "-f", str(folder.dags / "notes")], folder.path, {}) as notes:
        yield notes


def noted(folder: Folder) -> list[str]:
    return (folder.dags / "notes").read_text().splitlines()


def tries(folder: Folder, dag_id: str) -> dict[str, tuple[str, int]]:
    return {row["task_id"]: (row["state"], row["try"]) for row in folder.ask("tasks", "list", dag_id)}


def test_a_failed_task_is_cleared_and_its_run_ends_well(project: Folder) -> None:
    """P163, P165: without an engine; the next one goes on, with the same date in every try."""
    failed = project.dag_run("dags/clearing.py", "--dag", "load", code=1)
    run_id = failed.done.json["run_id"]
    (project.dags / "mended").touch()
    flags = ("-t", "load", "-d", "--run", run_id)
    promised = project.ask("tasks", "clear", "load", *flags, "--dry-run")
    assert [(row["task_id"], row["state"], row["becomes"]) for row in promised] == [
        ("load", "failed", "none"),
        ("report", "upstream_failed", "none"),
    ]
    assert project.ask("tasks", "clear", "load", *flags, "-y") == promised
    shown = project.ask("runs", "show", "load", run_id)
    assert (shown["state"], shown["logical_date"]) == ("queued", failed.done.json["logical_date"])
    again = project.dag_run("dags/clearing.py", "--dag", "load", "--resume", run_id)
    assert again.tasks["report"]["xcom"] == {"return_value": 2}
    assert tries(project, "load") == {
        "extract": ("success", 1),
        "load": ("success", 2),
        "report": ("success", 1),
    }
    assert "the table is not there" in project.run("tasks", "logs", "load", "load", "--try", "1").stdout


def test_k01_a_deferred_job_is_cancelled_before_its_next_try_starts(project: Folder) -> None:
    """K01, P040: `on_kill()` is called before the next try, and `cleanup()` for the trigger that was dropped."""
    with serving(project), noting(project) as notes:
        assert project.run("dags", "trigger", "job", "--run-id", "one").returncode == 0
        notes.read_until("watch 1")
        (project.dags / "down").touch()
        assert project.run("tasks", "clear", "job", "--run", "one", "-y").returncode == 0
        notes.read_all("can't cancel 1", "cleanup 1")
        notes.read_until("can't cancel 1")
        (row,) = project.ask("tasks", "list", "job")
        assert row["state"] == "scheduled"
        assert "is being cancelled by" in row["held"]
        assert "ConnectionError: the service is down" in row["held"]
        (project.dags / "down").unlink()
        notes.read_until("submit 2")
    assert [line for line in noted(project) if line.split()[0] in ("submit", "cancel")] == [
        "submit 1",
        "cancel 1",
        "submit 2",
    ]
    assert noted(project).count("cleanup 1") == 1


def test_k01_a_cancel_that_can_not_be_done_is_held_and_released(project: Folder) -> None:
    """K01: after `cancel_timeout` it is shown, and goes on when somebody says so."""
    (project.dags / "down").touch()
    with serving(project), noting(project) as notes:
        assert project.run("dags", "trigger", "hasty", "--run-id", "one").returncode == 0
        notes.read_until("watch 1")
        assert project.run("tasks", "clear", "hasty", "-y").returncode == 0
        notes.read_until("can't cancel 1")
        while (held := project.ask("tasks", "list", "hasty")[0]["held"]) is not None and "held" not in held:
            pass  # each look is a process of its own
        assert held is not None
        assert "`bide tasks release` lets it go on" in held
        (cancel,) = project.ask("runs", "show", "hasty", "one")["external_cancels"]
        assert cancel["state"] == "failed"
        assert "submit 2" not in noted(project)
        assert "released job" in project.run("tasks", "release", "hasty", "one", "job").stderr
        notes.read_until("submit 2")
    assert "cancel 1" not in noted(project)


def test_k01_a_deferred_job_is_marked_as_success(project: Folder) -> None:
    """K01, P166: what it waited for outside is cancelled, too, and the run ends well."""
    with serving(project), noting(project) as notes:
        assert project.run("dags", "trigger", "job", "--run-id", "one").returncode == 0
        notes.read_until("watch 1")
        assert project.run("tasks", "mark", "job", "one", "job", "--state", "success", "-y").returncode == 0
        notes.read_all("cancel 1", "cleanup 1")
        assert tries(project, "job") == {"job": ("success", 1)}
    assert project.ask("runs", "show", "job", "one")["state"] == "success"
