"""Ending runs on purpose: by Ctrl-C, by command, by stopping the server. Work outside ends with them, or stays."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from tests.acceptance.conftest import DAG_FILES
from tests.support.commands import Command, Folder


@pytest.fixture
def outside(folder: Folder) -> Folder:
    """A project whose tasks have work outside; they note what is done about it."""
    folder.copy(DAG_FILES / "outside.py")
    (folder.dags / "notes").touch()
    return folder


@contextmanager
def noting(folder: Folder) -> Iterator[Command]:
    """The notes, as they come."""
    with Command(["tail", "-n", "+1", "-f", str(folder.dags / "notes")], folder.path, {}) as notes:
        yield notes


def noted(folder: Folder) -> Counter[str]:
    return Counter((folder.dags / "notes").read_text().splitlines())


@contextmanager
def serving(folder: Folder) -> Iterator[Command]:
    with folder.start("standalone", "--port", "0") as server:
        server.read_until("curl -u")
        yield server


def test_ctrl_c_ends_what_runs_in_workers_and_what_runs_outside(outside: Folder) -> None:
    with outside.start("run", "dags/outside.py", "--dag", "outside", "-o", "json") as command:
        with noting(outside) as notes:
            notes.read_all("begins in worker", "begins in bash", "run")
        command.send(signal.SIGINT)
        assert command.wait() == 130, command.text
    assert "external work of job was cancelled" in command.text
    assert noted(outside) == Counter(
        ["begins in worker", "begins in bash", "run", "cancel in worker", "cleanup", "cancel job"]
    )
    assert not [one for one in psutil.process_iter(["cmdline"]) if "456789" in (one.info["cmdline"] or [])]
    states = {row["task_id"]: (row["state"], row["try"]) for row in outside.ask("tasks", "list", "outside")}
    # A retry is for what failed, not for what a person has ended.
    assert states == {"job": ("failed", 1), "worker": ("failed", 1), "bash": ("failed", 1), "never": ("skipped", 0)}
    assert "TaskKilled: killed by its supervisor" in outside.run("tasks", "logs", "outside", "worker").stdout
    assert "JobTrigger.on_kill() has returned" in outside.run("tasks", "logs", "outside", "job").stdout


def test_a_deferred_run_is_cancelled_beside_the_server(outside: Folder) -> None:
    with serving(outside), noting(outside) as notes:
        assert outside.run("dags", "trigger", "deferred", "--run-id", "one").returncode == 0
        notes.read_until("run")
        assert outside.run("runs", "cancel", "deferred", "one").returncode == 0
        notes.read_all("cancel job", "cleanup")
        assert outside.run("dags", "trigger", "hopeless", "--run-id", "two").returncode == 0
        notes.read_until("run")
        assert outside.run("runs", "cancel", "hopeless", "two").returncode == 0
        # Tried again, since the service may come back.
        notes.read_until("can't cancel")
        notes.read_until("can't cancel")
        (cancel,) = outside.ask("runs", "show", "hopeless", "two")["external_cancels"]
        assert (cancel["task_id"], cancel["state"]) == ("job", "pending")
        assert cancel["trigger"].endswith("BrokenTrigger")
        assert "ConnectionError: the service is gone" in cancel["error"]
        assert outside.ask("runs", "show", "deferred", "one")["external_cancels"] == []
    assert noted(outside)["cancel job"] == 1


def test_stopping_the_server_cancels_nothing_outside(outside: Folder) -> None:
    with noting(outside) as notes:
        with serving(outside) as server:
            assert outside.run("dags", "trigger", "deferred", "--run-id", "one").returncode == 0
            notes.read_until("run")
            server.send(signal.SIGTERM)
            assert server.wait() == 0
        assert noted(outside) == Counter(["run", "cleanup"])
        assert [wait["where"] for wait in outside.ask("waits", "list")] == ["nobody yet"]
        with serving(outside) as server:
            notes.read_until("run")
            server.send(signal.SIGINT)
            assert server.wait() == 0
    assert noted(outside) == Counter(["run", "cleanup"] * 2)
    assert outside.ask("tasks", "list", "deferred")[0]["try"] == 1
