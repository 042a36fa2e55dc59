"""The transition table: what a machine of states must be, whatever it is for."""

from __future__ import annotations

import pytest

from bide.model.states import (
    FINISHED,
    OCCUPYING,
    TRANSITIONS,
    UNFINISHED,
    TaskState,
    Transition,
    clearing,
    marking,
)

#: Hand-overs and forced changes, written down apart from the table.
FENCING = {
    "start": "to a worker",
    "start_at_once": "to a worker",
    "begin_waiting": "to a trigger",
    "defer": "to a trigger",
    "reschedule": "back to the scheduler",
    "retry": "back to the scheduler",
    "resume": "back to the scheduler",
    "succeed_waiting": "the wait is over",
    "skip_waiting": "the wait is over",
    "fail_waiting": "the wait is over",
    "retry_waiting": "the wait is over",
    "rescue": "forced",
    "fail_running": "forced",
    "fail_idle": "forced",
    "retry_idle": "forced",
    "cancel": "forced",
    "cancel_unstarted": "forced",
    "remove": "forced",
    "clear": "forced",
    "clear_begun": "forced",
    "mark_success": "forced",
    "mark_failed": "forced",
    "mark_skipped": "forced",
    "remark_success": "forced",
    "remark_failed": "forced",
    "remark_skipped": "forced",
}


def ways_out(state: TaskState) -> set[TaskState]:
    return {one.target for one in TRANSITIONS.values() if state in one.sources}


def test_every_state_is_finished_or_not() -> None:
    assert set(TaskState) == FINISHED | UNFINISHED
    assert not FINISHED & UNFINISHED
    assert OCCUPYING < UNFINISHED


@pytest.mark.parametrize("state", sorted(FINISHED))
def test_only_a_person_leads_out_of_a_finished_state(state: TaskState) -> None:
    names = {name for name, one in TRANSITIONS.items() if state in one.sources}
    assert names <= {"clear", "remark_success", "remark_failed", "remark_skipped"}
    assert "clear" in names


@pytest.mark.parametrize(("name", "transition"), TRANSITIONS.items())
def test_the_sources_are_all_finished_or_none_is(name: str, transition: Transition) -> None:
    """So that a run's counter of unfinished instances follows from the transition alone."""
    assert transition.sources <= FINISHED or transition.sources <= UNFINISHED


@pytest.mark.parametrize("state", sorted(TaskState))
def test_a_person_can_clear_whatever_has_begun(state: TaskState) -> None:
    name = clearing(state)
    assert (name is None) is (state is TaskState.NONE)
    if name is not None:
        assert state in TRANSITIONS[name].sources
        assert TRANSITIONS[name].target is TaskState.NONE


@pytest.mark.parametrize("target", [TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED])
@pytest.mark.parametrize("state", sorted(TaskState))
def test_a_person_can_mark_every_state(state: TaskState, target: TaskState) -> None:
    name = marking(state, target)
    assert (name is None) is (state is target)
    if name is not None:
        assert state in TRANSITIONS[name].sources
        assert TRANSITIONS[name].target is target


@pytest.mark.parametrize("state", sorted(UNFINISHED))
def test_every_unfinished_state_has_a_way_to_an_end(state: TaskState) -> None:
    reached = {state}
    while further := {target for one in reached for target in ways_out(one)} - reached:
        reached |= further
    assert reached & FINISHED


@pytest.mark.parametrize("state", sorted(set(TaskState) - {TaskState.NONE}))
def test_every_state_can_be_reached_from_none(state: TaskState) -> None:
    reached = {TaskState.NONE}
    while further := {target for one in reached for target in ways_out(one)} - reached:
        reached |= further
    assert state in reached


@pytest.mark.parametrize(("name", "transition"), TRANSITIONS.items())
def test_hand_overs_and_forced_changes_fence_and_nothing_else(name: str, transition: Transition) -> None:
    assert transition.fences is (name in FENCING)


@pytest.mark.parametrize(("name", "transition"), TRANSITIONS.items())
def test_no_transition_stays_where_it_is(name: str, transition: Transition) -> None:
    assert transition.sources
    assert transition.target not in transition.sources


def test_only_a_worker_that_holds_the_epoch_ends_a_task_without_fencing() -> None:
    quiet = {name for name, one in TRANSITIONS.items() if one.target in FINISHED and not one.fences}
    assert quiet == {"succeed", "fail", "skip_self", "skip", "upstream_failed"}


@pytest.mark.parametrize("state", sorted(UNFINISHED))
def test_a_person_can_cancel_every_unfinished_state(state: TaskState) -> None:
    assert state in TRANSITIONS["cancel"].sources | TRANSITIONS["cancel_unstarted"].sources


@pytest.mark.parametrize("state", [*sorted(OCCUPYING), TaskState.SCHEDULED, TaskState.DEFERRED])
def test_whatever_can_carry_a_deadline_can_fail_by_it(state: TaskState) -> None:
    forced = {"fail_running", "fail_idle", "fail_waiting"}
    assert any(state in TRANSITIONS[name].sources for name in forced)
