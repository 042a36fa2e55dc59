"""Deferral as authors use it: one run of ``bide run`` with a task for each promise."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import pytest

from tests.acceptance.conftest import MakeFolder
from tests.support.commands import DagRun, Folder

#: A task that waits once and goes on.
ONCE = "scheduled queued running deferred scheduled queued running success"


@pytest.fixture(scope="module")
def shared(make_folder: MakeFolder) -> Folder:
    return make_folder("deferral.py")


@pytest.fixture(scope="module")
def run(shared: Folder) -> DagRun:
    return shared.dag_run("dags/deferral.py", code=1)


def journal(folder: Folder, name: str) -> Counter[str]:
    """How often a trigger did what."""
    return Counter((folder.dags / "journal" / name).read_text().split("\n")[:-1])


@pytest.mark.parametrize(
    "task_id", ["timer", "stream", "looks", "looks_asynchronously", "file", "by_hand", "python"]
)
def test_a_wait_has_its_states_in_order(run: DagRun, task_id: str) -> None:
    assert run.states(task_id) == ONCE
    assert run.tasks[task_id]["tries"] == 1


def test_k09_a_trigger_that_ends_its_task_never_goes_back_to_a_worker(run: DagRun) -> None:
    """K09"""
    for task_id, state in [("ends_well", "success"), ("ends_in_failure", "failed"), ("ends_skipped", "skipped")]:
        assert run.states(task_id) == f"scheduled queued running deferred {state}"
    assert run.end("after_ends_well") == "success"
    assert run.end("after_ends_in_failure") == "upstream_failed"
    assert run.end("after_ends_skipped") == "skipped"


def test_a_timer_can_end_its_task_too(run: DagRun) -> None:
    assert run.states("timer_that_ends_it") == "scheduled queued running deferred success"


def test_xcoms_of_the_trigger_are_the_tasks(run: DagRun) -> None:
    assert run.tasks["ends_well"]["xcom"]["rows"] == 3
    rows, when = run.result("read")
    assert rows == 3
    assert datetime.fromisoformat(when) == datetime.fromisoformat("2026-03-29T01:30Z")


def test_the_event_is_what_the_trigger_has_yielded(run: DagRun) -> None:
    assert run.result("stream") == {"type": "dict", "event": {"status": "done"}}
    assert run.result("nothing") == {"type": "NoneType", "event": None}
    assert run.result("datetime")["type"] == run.result("timer")["type"] == "datetime"
    assert run.result("two_events")["event"] == "first"
    assert run.result("file")["event"] is True


def test_a_moment_in_the_past_has_come(run: DagRun) -> None:
    assert run.states("timer_in_the_past") == ONCE


def test_values_of_many_kinds_reach_the_trigger_and_the_method(run: DagRun) -> None:
    assert run.result("many_kinds") == [True, True, "tuple"]


def test_a_task_may_defer_several_times_in_one_try(run: DagRun) -> None:
    wait = "running deferred scheduled queued "
    assert run.states("three_times") == f"scheduled queued {wait * 3}running success"
    assert run.result("three_times") == [1, 2]
    assert run.tasks["three_times"]["tries"] == 1


def test_task_deferred_raised_by_hand_is_the_same(run: DagRun) -> None:
    assert run.result("by_hand") == [1, 2, "by_hand", True]


def test_defer_leaves_from_any_depth(run: DagRun, shared: Folder) -> None:
    assert run.states("deep_down") == ONCE
    assert journal(shared, "deep_down") == {"finally": 1, "run": 1, "cleanup": 1}


def test_the_operator_is_a_new_one_when_it_goes_on(run: DagRun) -> None:
    assert run.states("forgets_itself") == ONCE
    assert run.result("forgets_itself") is False


def test_execute_may_be_the_method_that_goes_on(run: DagRun) -> None:
    assert run.result("one_entry") == "an event"


def test_subclasses_of_other_operators_may_defer(run: DagRun) -> None:
    assert run.result("python") == "computed before"


def test_k08_a_look_that_fails_is_made_good(run: DagRun, shared: Folder) -> None:
    """K08"""
    for task_id in ("looks", "looks_asynchronously"):
        assert run.result(task_id)["event"] == 3
        assert journal(shared, task_id) == {"look": 3, "cleanup": 1}
        assert "not there for a moment" in run.log(task_id)


def test_looks_that_fail_every_time_fail_the_task(run: DagRun, shared: Folder) -> None:
    assert run.end("looks_in_vain") == "failed"
    assert journal(shared, "looks_in_vain") == {"look": 3, "cleanup": 1}
    assert "ConnectionError: never there" in run.log("looks_in_vain")


def test_a_trigger_that_raises_fails_its_task_with_the_traceback_in_its_log(run: DagRun, shared: Folder) -> None:
    assert run.states("fails") == "scheduled queued running deferred failed"
    log = run.log("fails")
    assert "ConnectionError: the service is gone" in log
    assert f'File "{shared.dags / "deferral.py"}"' in log
    assert "raise ConnectionError(text)" in log


def test_retries_apply_to_a_trigger_that_raises(run: DagRun) -> None:
    assert run.states("fails_once") == (
        "scheduled queued running deferred up_for_retry "
        "scheduled queued running deferred scheduled queued running success"
    )
    assert run.result("fails_once") == ["made it", 2]
    first, second = run.logs("fails_once")
    assert "ConnectionError: fails once" in first
    assert "ConnectionError" not in second


def test_a_trigger_without_an_event_fails_its_task(run: DagRun) -> None:
    assert run.end("ends_silently") == "failed"
    assert "EndsSilently.run() ended without yielding an event" in run.log("ends_silently")


def test_a_trigger_that_yields_no_event_object_fails_its_task(run: DagRun) -> None:
    assert run.end("yields_something_else") == "failed"
    assert "YieldsSomethingElse must yield a TriggerEvent, not dict" in run.log("yields_something_else")


def test_what_a_trigger_does_after_its_event_is_no_matter(run: DagRun) -> None:
    assert run.result("fails_after_its_event")["event"] == "fine"


def test_an_event_without_a_method_fails_the_task(run: DagRun) -> None:
    assert run.end("without_a_method") == "failed"
    assert "Fires yielded a TriggerEvent, but defer() was given no method_name" in run.log("without_a_method")


def test_a_deferral_times_out(run: DagRun) -> None:
    assert run.states("times_out") == "scheduled queued running deferred failed"
    assert "the deferral's timeout of 0.3 s is over, waiting for WaitsForSomethingOutside" in run.log("times_out")


def test_k06_execution_timeout_ends_a_task_while_it_is_deferred(run: DagRun) -> None:
    """K06"""
    assert run.states("executes_too_long") == "scheduled queued running deferred failed"
    assert "the task's execution_timeout of 0.5 s is over; it was deferred then" in run.log("executes_too_long")


def test_k06_execution_timeout_counts_over_the_wait(run: DagRun) -> None:
    """K06"""
    assert run.states("too_long_in_all") == "scheduled queued running deferred scheduled queued running failed"
    assert "TaskTimeout: the task's execution_timeout of 1 s is over" in run.log("too_long_in_all")


def test_execution_timeout_may_count_work_only(run: DagRun) -> None:
    assert run.states("waits_long") == ONCE


def test_k06_timeouts_cancel_what_goes_on_outside(run: DagRun, shared: Folder) -> None:
    """K06"""
    for name in ("times_out", "executes_too_long"):
        assert journal(shared, name)["on_kill"] == 1


def test_an_error_after_the_wait_fails_the_task(run: DagRun) -> None:
    assert run.states("raises_afterwards") == "scheduled queued running deferred scheduled queued running failed"
    assert "ValueError: wrong after the wait" in run.log("raises_afterwards")
    assert run.end("gives_up_afterwards") == "failed"
    assert run.tasks["gives_up_afterwards"]["tries"] == 1
    assert run.end("skips_afterwards") == "skipped"


def test_the_trigger_writes_to_the_log_of_its_task(run: DagRun) -> None:
    log = run.log("speaks")
    assert "a word of the trigger" in log
    assert log.index("Task deferred") < log.index("a word of the trigger") < log.index("goes on at resumed()")
    assert run.result("speaks")["event"] == "speaks"


def test_each_run_of_a_trigger_is_cleaned_up_once(run: DagRun, shared: Folder) -> None:
    ended = [path.name for path in (shared.dags / "journal").iterdir() if path.name != "written"]
    assert len(ended) >= 20
    for name in ended:
        counted = journal(shared, name)
        runs = counted["run"] or 1  # polls note their looks instead
        assert counted["cleanup"] == runs, f"{name}: {counted}"


def test_a_cleanup_that_fails_is_told_and_nothing_else(run: DagRun) -> None:
    assert run.end("cleans_up_badly") == "success"
    assert "OSError: cleanup goes wrong" in run.log("cleans_up_badly")


def test_k25_any_of_several_waits_goes_on_with_the_first(run: DagRun, shared: Folder) -> None:
    """K25"""
    assert run.states("any_of") == ONCE
    assert run.result("any_of")["event"] == {"fires": 7}
    assert journal(shared, "any_waits") == journal(shared, "any_fires") == Counter(["run", "cleanup"])


def test_k25_all_of_several_waits_go_on_with_the_last(run: DagRun, shared: Folder) -> None:
    """K25"""
    assert run.states("all_of") == ONCE
    event = run.result("all_of")["event"]
    assert event["1"] == "f"
    assert set(event["2"]) == {"looks"}
    assert set(event) == {"0", "1", "2"}
    assert journal(shared, "never") == Counter(["run", "cleanup"])


def test_a_wait_among_others_has_its_own_limit(run: DagRun, shared: Folder) -> None:
    assert set(run.result("any_in_time")["event"]) == {"then"}
    assert "the wait 0's timeout of 0.05 s is over" in run.log("any_in_time")
    # Its time may be over before its trigger has begun to run.
    assert journal(shared, "late")["on_kill"] == 1


def test_a_wait_without_a_chance_fails_its_task_and_says_why(run: DagRun) -> None:
    assert run.states("none_of_any") == "scheduled queued running deferred failed"
    log = run.log("none_of_any")
    assert "gone" in log
    assert "ended without yielding an event" in log
