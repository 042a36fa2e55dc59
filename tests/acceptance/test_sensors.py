"""Sensors that poke, that are rescheduled and that are deferred, in one run of ``bide run``."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest

from tests.acceptance.conftest import MakeFolder
from tests.support.commands import DagRun, Folder

#: What a task goes through that waits in a worker, and one that is deferred.
IN_A_WORKER = "scheduled queued running success"
DEFERRED = "scheduled queued running deferred scheduled queued running success"
STARTED = "deferred scheduled queued running success"
ENDED = "scheduled queued running deferred success"


@pytest.fixture(scope="module")
def shared(make_folder: MakeFolder) -> Folder:
    return make_folder("sensors.py")


@pytest.fixture(scope="module")
def run(shared: Folder) -> DagRun:
    return shared.dag_run("dags/sensors.py", "--dag", "sensors", code=1)


@pytest.mark.parametrize(
    ("task_id", "states"),
    [
        ("poke", IN_A_WORKER),
        ("at_once", IN_A_WORKER),
        ("file_poke", IN_A_WORKER),
        ("file_deferrable", DEFERRED),
        ("moment_poke", IN_A_WORKER),
        ("moment_deferrable", DEFERRED),
        ("moment_ended", ENDED),
        ("moment_past", IN_A_WORKER),
        ("moment_async", DEFERRED),
        ("delta_poke", IN_A_WORKER),
        ("delta_deferrable", DEFERRED),
        ("delta_async", DEFERRED),
        ("time", IN_A_WORKER),
        ("time_async", IN_A_WORKER),
        ("default", IN_A_WORKER),
    ],
)
def test_a_sensor_waits_where_its_mode_says(run: DagRun, task_id: str, states: str) -> None:
    assert run.states(task_id) == states


def test_a_rescheduled_sensor_leaves_its_worker_between_looks(run: DagRun) -> None:
    look = "running up_for_reschedule scheduled queued "
    assert run.states("reschedule") == f"scheduled queued {look * 2}running success"
    assert run.tasks["reschedule"]["tries"] == 1
    for task_id in ("file_reschedule", "moment_reschedule"):
        assert re.fullmatch(f"scheduled queued ({look})+running success", run.states(task_id))


def test_a_look_may_return_a_value(run: DagRun) -> None:
    assert run.result("poke") == run.result("reschedule") == 3


@pytest.mark.parametrize("task_id", ["in_vain", "in_vain_rescheduled", "no_file"])
def test_a_sensor_whose_time_is_over_fails_and_is_not_tried_again(run: DagRun, task_id: str) -> None:
    assert run.end(task_id) == "failed"
    assert run.tasks[task_id]["tries"] == 1
    assert re.search(r"timed out after \d|timeout of 0\.\d", run.log(task_id))


@pytest.mark.parametrize("task_id", ["in_vain_and_soft", "no_file_and_soft"])
def test_a_soft_sensor_is_skipped_instead(run: DagRun, task_id: str) -> None:
    assert run.end(task_id) == "skipped"


def test_a_look_that_raises_costs_a_try(run: DagRun) -> None:
    assert run.states("failing") == "scheduled queued running up_for_retry scheduled queued running failed"
    assert "ConnectionError: the source is gone" in run.log("failing")


def test_no_moment_is_too_early(run: DagRun) -> None:
    asked = datetime.fromisoformat(run.done.json["logical_date"])
    for task_id, seconds in [("delta_poke", 1), ("delta_deferrable", 3), ("delta_async", 3)]:
        assert datetime.fromisoformat(run.tasks[task_id]["end"]) >= asked + timedelta(seconds=seconds)


def test_sensors_may_begin_with_their_wait(shared: Folder) -> None:
    run = shared.dag_run("dags/sensors.py", "--dag", "starting")
    assert run.states("wait") == IN_A_WORKER
    assert run.states("wait_deferrable") == DEFERRED
    for task_id in ("wait", "delta", "time", "moment", "template", "file", "other"):
        assert run.states(f"{task_id}_started") == STARTED
    assert run.states("delta_ended") == "deferred success"
    assert run.states("no_file_started") == "deferred skipped"
    asked = datetime.fromisoformat(run.done.json["logical_date"])
    for task_id in ("wait", "wait_deferrable", "wait_started", "delta_started", "delta_ended"):
        assert datetime.fromisoformat(run.tasks[task_id]["end"]) >= asked + timedelta(seconds=0.3)


def test_a_signal_wakes_a_rescheduled_sensor(shared: Folder) -> None:
    """L005: not time alone."""
    run = shared.dag_run("dags/sensors.py", "--dag", "woken")
    assert run.result("wakes") == 200
    look = "scheduled queued running "
    assert run.states("sleeps") == f"{look}up_for_reschedule {look}success"


def test_sensors_in_mode_poke_may_leave_their_slots_too(shared: Folder) -> None:
    """L006: twenty sensors in mode poke hold up nobody where two slots are all there are."""
    settings = {"BIDE__CORE__PARALLELISM": "2", "BIDE__OPERATORS__POKE_HOLDS_SLOT": "false"}
    run = shared.dag_run("dags/sensors.py", "--dag", "poking", **settings)
    assert {run.end(task_id) for task_id in run.tasks} == {"success"}
    assert "up_for_reschedule" in run.states("sensor_0")
    assert run.tasks["opens"]["start"] < run.tasks["sensor_0"]["end"]


def test_what_waits_leaves_its_slot_to_others(shared: Folder) -> None:
    run = shared.dag_run("dags/sensors.py", "--dag", "one_slot", BIDE__CORE__PARALLELISM="1")
    assert run.states("deferred_0") == DEFERRED
    assert "up_for_reschedule" in run.states("rescheduled_0")
    assert {run.end(task_id) for task_id in run.tasks} == {"success"}
