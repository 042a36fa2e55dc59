"""Async tasks with real commands and real workers."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import MakeFolder
from tests.support.commands import DagRun, Folder


@pytest.fixture(scope="module")
def project(make_folder: MakeFolder) -> Folder:
    return make_folder("async_tasks.py")


@pytest.fixture(scope="module")
def run(project: Folder) -> DagRun:
    return project.dag_run("dags/async_tasks.py")


def test_more_than_there_are_slots_run_at_once_in_one_process(run: DagRun) -> None:
    """Each of them goes on only when all have begun."""
    found = [one for one in run.done.json["tasks"] if one["task_id"] == "meet"]
    assert [one["state"] for one in found] == ["success"] * 60
    assert len({one["xcom"]["return_value"] for one in found}) == 1


def test_retries_and_callbacks_are_as_anywhere(run: DagRun) -> None:
    assert run.end("twice") == "success"
    assert run.result("twice") == 2
    assert "called back for twice" in run.log("twice")


def test_a_coroutine_waits_without_its_worker(run: DagRun) -> None:
    assert run.result("waits") == "waited in step 1"
