"""Waits that fail: what becomes of the task, and operators that make something of it."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import MakeFolder
from tests.support.commands import DagRun, Folder

WAIT = "running deferred scheduled queued "


@pytest.fixture(scope="module")
def shared(make_folder: MakeFolder) -> Folder:
    return make_folder("failed_waits.py")


@pytest.fixture(scope="module")
def run(shared: Folder) -> DagRun:
    return shared.dag_run("dags/failed_waits.py", code=1)


@pytest.mark.parametrize(("task_id", "why"), [("broken", "ConnectionError: gone"), ("late", "timeout")])
def test_an_operator_may_wait_again_after_a_wait_that_failed(run: DagRun, task_id: str, why: str) -> None:
    assert run.states(task_id) == f"scheduled queued {WAIT * 2}running success"
    assert run.result(task_id) == [why, why]
    assert run.tasks[task_id]["tries"] == 1


def test_what_it_does_not_handle_costs_a_try(run: DagRun) -> None:
    states = run.states("logs")
    assert states == f"scheduled queued {WAIT}running up_for_retry scheduled queued {WAIT}running failed"
    assert "its wait has failed in try 2" in run.log("logs")
    assert "TriggerFailure: ConnectionError: gone" in run.log("logs")


@pytest.mark.parametrize("kind", ["sensor", "watchful"])
@pytest.mark.parametrize(
    ("case", "end", "tries"),
    [
        ("late", "failed", 1),
        ("late_and_soft", "skipped", 1),
        ("broken", "failed", 2),
        ("broken_and_soft", "skipped", 1),
        ("judges", "failed", 1),
        ("judges_softly", "skipped", 1),
    ],
)
def test_k17_a_sensor_ends_alike_with_and_without_a_worker(
    run: DagRun, kind: str, case: str, end: str, tries: int
) -> None:
    """K17: the engine ends a failed wait by itself as the sensor would: ``soft_fail``, timeout, retries."""
    task_id = f"{kind}_{case}"
    assert (run.end(task_id), run.tasks[task_id]["tries"]) == (end, tries)
    resumed = "running" in run.states(task_id).split("deferred")[-1]
    assert resumed == (kind == "watchful" or "judges" in case)
