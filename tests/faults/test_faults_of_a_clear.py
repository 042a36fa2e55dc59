"""The engine dies right after a clear: what the clear asked for is done all the same, and in order."""

from __future__ import annotations

import signal

import pytest

from tests.acceptance.conftest import DAG_FILES
from tests.support.commands import Command, Folder


@pytest.fixture
def project(tmp_path) -> Folder:
    """A project with a job that waits for work outside."""
    folder = Folder(tmp_path / "project")
    folder.copy(DAG_FILES / "clearing.py")
    (folder.dags / "notes").touch()
    return folder


def test_k01_the_engine_dies_before_it_hears_of_the_clear(project: Folder):
    """K01: the cancel is in the store with the clear, so that the next engine does it before the next try."""
    with Command(["tail", "-n", "+1", "-f", str(project.dags / "notes")], project.path, {}) as notes:
        with project.start("standalone", "--port", "0") as engine:
            engine.read_until("curl -u")
            assert project.run("dags", "trigger", "job", "--run-id", "one").returncode == 0
            notes.read_until("watch 1")
            # It is alive, and holds the store, but hears nothing until it is killed.
            engine.send(signal.SIGSTOP)
            assert project.run("tasks", "clear", "job", "-y").returncode == 0
            engine.send(signal.SIGKILL)
            engine.wait()
        assert project.ask("waits", "list") == []
        (row,) = project.ask("tasks", "list", "job")
        assert (row["state"], "is being cancelled" in row["held"]) == ("scheduled", True)
        with project.start("standalone", "--port", "0"):
            notes.read_until("submit 2")
    lines = (project.dags / "notes").read_text().splitlines()
    assert [line for line in lines if line.split()[0] in ("submit", "cancel")] == [
        "submit 1",
        "cancel 1",
        "submit 2",
    ]
