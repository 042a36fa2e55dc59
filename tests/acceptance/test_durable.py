"""Functions that wait in the middle: wait(), step() and gather(), as authors use them."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.acceptance.conftest import MakeFolder
from tests.support.commands import DagRun, Folder

ONCE = "scheduled queued running deferred scheduled queued running success"


@pytest.fixture(scope="module")
def shared(make_folder: MakeFolder) -> Folder:
    return make_folder("durable.py")


@pytest.fixture(scope="module")
def run(shared: Folder) -> DagRun:
    return shared.dag_run("dags/durable.py", "--dag", "durable", code=1)


@pytest.fixture(scope="module")
def wrong(shared: Folder) -> DagRun:
    return shared.dag_run("dags/durable.py", "--dag", "wrong", code=1)


def notes(folder: Folder, name: str) -> list[str]:
    return (folder.dags / "notes" / name).read_text().splitlines()


def test_k24_a_function_goes_on_where_it_waited(run: DagRun, shared: Folder) -> None:
    """K24: deferral in TaskFlow functions."""
    assert run.states("once") == ONCE
    assert run.tasks["once"]["tries"] == 1
    assert run.result("once") == [42, {"at": "2026-01-01T00:00:00Z"}, 3]
    assert Counter(notes(shared, "once")) == Counter({"begins": 2, "ends": 1})
    assert notes(shared, "double").count("21") == 1


def test_k24_callables_of_python_operators_wait_too(run: DagRun) -> None:
    """K24: deferral in callables of PythonOperator."""
    assert run.result("operator") == [7, True]
    assert run.states("operator").count("deferred") == 2


def test_loops_and_branches_are_found_again(run: DagRun) -> None:
    assert run.result("loops") == [1, 9]
    assert run.states("loops").count("deferred") == 5


def test_moments_and_spans(run: DagRun) -> None:
    assert run.result("moments") == ["2026-01-01T00:00:00Z", True]


def test_a_wait_that_fails_raises_in_the_function(run: DagRun) -> None:
    assert run.result("survives_failures") == [True, True]
    assert run.tasks["survives_failures"]["tries"] == 1


def test_several_at_once(run: DagRun) -> None:
    assert run.result("several") == [1, True, "c", {"now": "now"}]
    assert run.states("several").count("deferred") == 2


def test_async_functions(run: DagRun, shared: Folder) -> None:
    assert run.result("asynchronous") == [1, 2, 3, 4, 100]
    assert sorted(notes(shared, "asynchronous")) == ["1", "2"]


def test_a_retry_takes_over_what_is_done(run: DagRun, shared: Folder) -> None:
    assert run.result("replays") == ["kept", True]
    assert run.states("replays").count("deferred") == 1
    assert notes(shared, "double").count("100") == 1


def test_a_retry_can_start_afresh(run: DagRun, shared: Folder) -> None:
    assert run.end("does_not_replay") == "success"
    assert run.states("does_not_replay").count("deferred") == 2
    assert notes(shared, "double").count("200") == 2


def test_a_retry_waits_again_for_what_failed(run: DagRun) -> None:
    assert run.result("waits_again_after_failure") == "yes"
    assert run.tasks["waits_again_after_failure"]["tries"] == 2


def test_a_trigger_may_end_the_task(run: DagRun, shared: Folder) -> None:
    assert run.states("ended_by_its_trigger") == "scheduled queued running deferred success"
    assert run.tasks["ended_by_its_trigger"]["xcom"] == {"by": "trigger"}
    assert not (shared.dags / "notes" / "ended").exists()


def test_cleaning_up_happens_in_each_segment(run: DagRun, shared: Folder) -> None:
    assert run.result("cleans_up") == "done"
    assert notes(shared, "cleans_up") == ["finally", "finally"]


def test_arguments_stay_what_they_were_at_first(run: DagRun, shared: Folder) -> None:
    first, second = notes(shared, "frozen")
    assert first == second == run.result("frozen")


def test_the_limit_of_the_task_is_over_all_of_it(run: DagRun) -> None:
    assert run.states("too_long") == "scheduled queued running deferred failed"


def test_the_log_says_where_the_function_waits(run: DagRun) -> None:
    log = run.log("once")
    assert "goes on after a wait" in log
    assert "durable.py:" in log
    assert "in once" in log


@pytest.mark.parametrize(
    ("task_id", "words"),
    [
        ("swallows", ["went on to its end after it was left at", "in swallows", "let BaseException pass"]),
        ("changes", ["waited for before#1 at", "it waits for", "the code has changed since"]),
        ("ends_elsewhere", ["waited for Fires#1 at", "it ends without coming there"]),
        ("step_and_wait", ["thing#1 was a step at", "is a wait at", "another name"]),
        ("too_much", ["the journal of this task is full"]),
        ("cannot_be_kept", ["result of step object#1: the value is an object"]),
        ("waits_in_a_step", ["wait() can't be used inside a step: outer#1 has to return first"]),
        ("waits_for_a_word", ["not 'approved': write SignalTrigger(...) to wait for a signal"]),
    ],
)
def test_what_goes_wrong_is_said_once_and_not_retried(wrong: DagRun, task_id: str, words: list[str]) -> None:
    assert wrong.end(task_id) == "failed"
    assert wrong.tasks[task_id]["tries"] == 1
    log = wrong.log(task_id)
    for word in words:
        assert word in log
