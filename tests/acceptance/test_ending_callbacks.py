"""Callbacks of tasks and DAGs: every ending calls them, whether it was in a worker or not."""

from __future__ import annotations

import signal
from collections import Counter

import pytest

from tests.acceptance.conftest import MakeFolder
from tests.support.commands import DagRun, Folder


@pytest.fixture(scope="module")
def shared(make_folder: MakeFolder) -> Folder:
    return make_folder("ending_callbacks.py")


@pytest.fixture(scope="module")
def run(shared: Folder) -> DagRun:
    return shared.dag_run("dags/ending_callbacks.py", "--dag", "callbacks", code=1)


def calls(folder: Folder, task_id: str) -> list[str]:
    """What was called for a task, without the process that did it, in order."""
    lines = [line.split() for line in (folder.dags / "calls").read_text().splitlines()]
    return [" ".join(words[1:-1]) for words in lines if words[0] == task_id]


BEGINS = "execute running try 1 NoneType"


@pytest.mark.parametrize(
    ("task_id", "wanted"),
    [
        ("works", [BEGINS, "success success try 1 NoneType"]),
        ("skips", [BEGINS, "skipped skipped try 1 NoneType"]),
        ("gives_up", [BEGINS, "failure failed try 1 TaskFailure"]),
        (
            "raises",
            [
                BEGINS,
                "retry up_for_retry try 1 ValueError",
                "execute running try 2 NoneType",
                "failure failed try 2 ValueError",
            ],
        ),
        ("quiet", []),
        ("broken", [BEGINS, "success success try 1 NoneType"]),
        ("goes_on", [BEGINS, BEGINS, "success success try 1 NoneType"]),
    ],
)
def test_what_ends_in_a_worker_calls(run: DagRun, shared: Folder, task_id: str, wanted: list[str]) -> None:
    assert calls(shared, task_id) == wanted


@pytest.mark.parametrize(
    ("task_id", "wanted"),
    [
        ("trigger_succeeds", ["success success try 1 NoneType"]),
        ("trigger_skips", ["skipped skipped try 1 NoneType"]),
        ("trigger_raises", ["failure failed try 1 TaskError"]),
        ("times_out", ["failure failed try 1 TaskError"]),
        ("too_long", ["failure failed try 1 TaskError"]),
        ("starts_and_ends", ["success success try 1 NoneType"]),
        ("trigger_fails", ["retry up_for_retry try 1 TaskError", "failure failed try 2 TaskError"]),
        ("dies", ["retry up_for_retry try 1 TaskError", "failure failed try 2 TaskError"]),
    ],
)
def test_k16_what_ends_elsewhere_calls_the_same(
    run: DagRun, shared: Folder, task_id: str, wanted: list[str]
) -> None:
    """K16: an ending by a trigger, a timeout or a death is an ending like any other, with retries and callbacks."""
    found = Counter(call for call in calls(shared, task_id) if not call.startswith("execute"))
    assert found == Counter(wanted)


def test_what_never_began_calls_nothing(run: DagRun, shared: Folder) -> None:
    assert run.end("behind_failure") == "upstream_failed"
    assert run.end("behind_skip") == "skipped"
    assert calls(shared, "behind_failure") == calls(shared, "behind_skip") == []


def test_callbacks_have_the_xcoms_of_the_task(run: DagRun) -> None:
    assert run.tasks["works"]["xcom"]["success was called"] == 42
    assert run.tasks["trigger_succeeds"]["xcom"]["success was called"] is None


def test_a_callback_that_fails_is_in_the_log_and_changes_nothing(run: DagRun, shared: Folder) -> None:
    assert run.end("broken") == "success"
    log = run.log("broken")
    assert "on_success_callback raises failed: RuntimeError: this callback is broken" in log
    assert "raise RuntimeError" in log
    shown = shared.run("tasks", "show", run.done.json["dag_id"], "broken", "--run", run.run_id, "-o", "json").json
    assert shown["failed_callbacks"] == ["on_success_callback raises failed: RuntimeError: this callback is broken"]


def test_runs_have_callbacks_too(run: DagRun, shared: Folder) -> None:
    told = [line for line in (shared.dags / "calls").read_text().splitlines() if line.startswith("manual failure")]
    assert [line.rsplit(" ", 1)[0] for line in told] == ["manual failure failed"]
    assert run.end(told[0].rsplit(" ", 1)[1]) == "failed"


def test_a_run_that_succeeds_says_so(shared: Folder, run: DagRun) -> None:
    shared.dag_run("dags/ending_callbacks.py", "--dag", "well")
    told = [line for line in (shared.dags / "calls").read_text().splitlines() if line.startswith("manual success")]
    assert told == ["manual success success works"]


TOLD = """
import os, signal
from pathlib import Path
from bide import DAG, task

TOLD = Path(__file__).with_name("told")

def tell(context):
    with TOLD.open("a") as told:
        told.write(f"{context['ti'].state} {os.getpid()}\\n")
    if len(TOLD.read_text().splitlines()) <= DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)

with DAG("told", schedule=None):
    @task(on_success_callback=tell)
    def work(): ...
    work()
"""


def told(folder: Folder) -> list[str]:
    """Which process told of the end, in order."""
    return [line.split()[1] for line in (folder.dags / "told").read_text().splitlines()]


def test_no_callback_is_lost_when_everything_is_killed(folder: Folder) -> None:
    """The end is stored, and nothing was called yet: the next engine has it called."""
    folder.dag("told", TOLD.replace("DEADLY", "0"))
    done = folder.run("run", "dags/told.py", BIDE_FAULT="finish.after:kill-all")
    assert done.returncode == -signal.SIGKILL, str(done)
    assert not (folder.dags / "told").exists()
    (row,) = folder.ask("runs", "list", "told")
    folder.dag_run("dags/told.py", "--resume", row["run_id"])
    assert len(told(folder)) == 1
    folder.dag_run("dags/told.py", "--resume", row["run_id"])
    assert len(told(folder)) == 1


def test_a_callback_whose_process_dies_is_called_again(folder: Folder) -> None:
    folder.dag("told", TOLD.replace("DEADLY", "1"))
    run = folder.dag_run("dags/told.py")
    assert run.states("work") == "scheduled queued running success"
    first, second = told(folder)
    assert first != second


@pytest.mark.parametrize("isolation", ["worker", "process"])
def test_a_callback_that_always_kills_its_process_is_given_up(folder: Folder, isolation: str) -> None:
    folder.dag("told", TOLD.replace("DEADLY", "99"))
    run = folder.dag_run("dags/told.py", BIDE__LOCAL_EXECUTOR__ISOLATION=isolation)
    assert run.end("work") == "success"
    assert len(told(folder)) == 3
    assert "they are not called again (attempt 3 of 3)" in run.log("work")
