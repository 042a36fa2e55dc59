"""What a clear, a mark or a cancel would change, decided without a store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.dag_specs import dag_spec

from bide.model.dag_spec import GroupSpec
from bide.model.errors import InvalidArgument
from bide.model.map_spec import MapSpec, Source
from bide.model.run_state import Structure
from bide.model.selection import (
    Change,
    Found,
    RunChoice,
    RunFacts,
    TaskChoice,
    choose_runs,
    in_order,
    plan_clear,
    plan_mark,
    plan_move,
    plan_run,
)
from bide.model.states import FINISHED, TRANSITIONS, RunState, TaskState

S = TaskState
DAY = datetime(2026, 3, 1, tzinfo=UTC)
#: a → b → c, and d beside them.
CHAIN = Structure(dag_spec("d", {"a": [], "b": ["a"], "c": ["b"], "d": []}))


def found(states: Mapping[str, TaskState]) -> list[Found]:
    return [Found(f"uid-{one}", "run", "r", one, -1, 3, state, 1) for one, state in states.items()]


def names(changes: Iterable[Change]) -> dict[str, str]:
    return {one.found.task_id: one.transition for one in changes}


def cleared(choice: TaskChoice, **states: TaskState) -> list[str]:
    given = {**dict.fromkeys("abcd", S.SUCCESS), **states}
    return sorted(names(plan_clear(CHAIN, found(given), choice)))


# --- which tasks


def test_without_a_choice_all_tasks_are_cleared() -> None:
    assert cleared(TaskChoice()) == ["a", "b", "c", "d"]


def test_what_has_not_begun_has_nothing_to_clear() -> None:
    assert cleared(TaskChoice(), a=S.NONE, b=S.SCHEDULED, c=S.RUNNING) == ["b", "c", "d"]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (TaskChoice(pattern="b"), ["b"]),
        (TaskChoice(pattern="[ad]"), ["a", "d"]),
        (TaskChoice(pattern="^$"), []),
        (TaskChoice(pattern="b", downstream=True), ["b", "c"]),
        (TaskChoice(pattern="b", upstream=True), ["a", "b"]),
        (TaskChoice(pattern="b", upstream=True, downstream=True), ["a", "b", "c"]),
        (TaskChoice(task_ids=frozenset({"a"})), ["a"]),
        (TaskChoice(task_ids=frozenset({"a", "d"}), downstream=True), ["a", "b", "c", "d"]),
        (TaskChoice(task_ids=frozenset()), []),
    ],
)
def test_tasks_by_pattern_and_by_id_with_their_relatives(choice: TaskChoice, expected: list[str]) -> None:
    assert cleared(choice) == expected


def test_only_failed_and_only_running() -> None:
    states = {"a": S.FAILED, "b": S.UPSTREAM_FAILED, "c": S.DEFERRED, "d": S.RUNNING}
    assert cleared(TaskChoice(only_failed=True), **states) == ["a", "b"]
    assert cleared(TaskChoice(only_running=True), **states) == ["c", "d"]
    with pytest.raises(InvalidArgument, match="only failed and only running together leave nothing"):
        TaskChoice(only_failed=True, only_running=True)


def test_a_pattern_that_is_none() -> None:
    with pytest.raises(InvalidArgument, match=r"task pattern 'a\(' is no regular expression"):
        cleared(TaskChoice(pattern="a("))


def test_single_instances_of_a_mapped_task() -> None:
    instances = [Found(f"uid-{index}", "run", "r", "b", index, 3, S.FAILED, 1) for index in range(3)]
    instances += found({"c": S.UPSTREAM_FAILED})
    choice = TaskChoice(mapped=frozenset({("b", 1)}), downstream=True)
    chosen = [(one.found.task_id, one.found.map_index) for one in plan_clear(CHAIN, instances, choice)]
    assert chosen == [("b", 1), ("c", -1)]


#: In a mapped group p → q; z is behind, m is mapped by itself.
GROUP = Structure(
    msgspec.structs.replace(
        dag_spec(
            "d",
            {"p": [], "q": ["p"], "z": ["q"], "m": []},
            tasks={
                "p": {"group_id": "g"},
                "q": {"group_id": "g"},
                "m": {"mapping": MapSpec((("x", Source("literal", length=2)),))},
            },
        ),
        groups=(GroupSpec("g", mapping=MapSpec((("x", Source("literal", length=2)),))),),
    )
)
OF_GROUP = [
    Found(f"{task_id}{index}", "run", "r", task_id, index, 3, S.FAILED, 1)
    for task_id, index in (("p", 0), ("p", 1), ("q", 0), ("q", 1), ("m", 0), ("m", 1), ("z", -1))
]


def places(changes: Iterable[Change]) -> set[str]:
    return {change.found.uid for change in changes}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (TaskChoice(mapped=frozenset({("p", 1)}), downstream=True), {"p1", "q1", "z-1"}),
        (TaskChoice(mapped=frozenset({("q", 0)}), upstream=True), {"q0", "p0"}),
        (TaskChoice(map_index=1), {"p1", "q1", "m1"}),
        (TaskChoice(pattern="m", map_index=0), {"m0"}),
        (TaskChoice(pattern="p", map_index=0, downstream=True), {"p0", "q0", "z-1"}),
        (TaskChoice(task_ids=frozenset({"p"}), mapped=frozenset({("q", 1)})), {"p0", "p1", "q1"}),
        (TaskChoice(pattern="z", map_index=0), set()),
    ],
)
def test_in_a_mapped_group_single_instances_go_together(choice: TaskChoice, expected: set[str]) -> None:
    assert places(plan_clear(GROUP, OF_GROUP, choice)) == expected


def test_a_mark_in_a_mapped_group_clears_what_is_behind_the_same_index() -> None:
    choice = TaskChoice(mapped=frozenset({("p", 1)}))
    assert places(plan_mark(GROUP, OF_GROUP, choice, S.SUCCESS)) == {"p1", "q1", "z-1"}


def test_tasks_that_this_version_of_the_dag_has_not() -> None:
    gone = {"gone": S.RUNNING, "long_gone": S.SUCCESS, "a": S.SUCCESS}
    assert names(plan_clear(CHAIN, found(gone), TaskChoice())) == {"a": "clear"}
    assert names(plan_mark(CHAIN, found(gone), TaskChoice(), S.FAILED)) == {"a": "remark_failed"}
    assert names(plan_move(CHAIN, found(gone))) == {"gone": "remove"}


# --- which runs


def run(number: int) -> RunFacts:
    return RunFacts(f"uid{number}", f"r{number}", DAY + timedelta(days=number), RunState.SUCCESS, "v")


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (RunChoice(), [0, 1, 2, 3, 4]),
        (RunChoice(run_ids=frozenset({"r2"})), [2]),
        (RunChoice(run_ids=frozenset({"r2"}), past=True), [0, 1, 2]),
        (RunChoice(run_ids=frozenset({"r2"}), future=True), [2, 3, 4]),
        (RunChoice(run_ids=frozenset({"r1", "r3"}), past=True), [0, 1, 3]),
        (RunChoice(start=DAY + timedelta(days=3)), [3, 4]),
        (RunChoice(end=DAY + timedelta(days=1)), [0, 1]),
        (RunChoice(start=DAY + timedelta(days=1), end=DAY + timedelta(days=2)), [1, 2]),
        (RunChoice(start=DAY + timedelta(days=9), past=True, future=True), []),
    ],
)
def test_runs_by_id_and_by_date(choice: RunChoice, expected: list[int]) -> None:
    runs = [run(number) for number in (3, 1, 4, 0, 2)]
    assert [one.run_id for one in choose_runs(runs, choice)] == [f"r{number}" for number in expected]


def test_plans_are_shown_by_run_and_in_the_order_of_tasks() -> None:
    one = [Found("1", "uid1", "r1", "b", -1, 0, S.FAILED, 1), Found("2", "uid1", "r1", "a", -1, 0, S.FAILED, 1)]
    zero = [Found("3", "uid0", "r0", "b", 1, 0, S.FAILED, 1), Found("4", "uid0", "r0", "b", 0, 0, S.FAILED, 1)]
    changes = [Change(each, "clear") for each in (*one, *zero)]
    ordered = in_order(changes, [run(0), run(1)], {"uid0": ["a", "b"], "uid1": ["a", "b"]})
    assert [each.found.uid for each in ordered] == ["4", "3", "2", "1"]


# --- marks


def test_marking_a_failed_task_as_success_lets_what_is_downstream_run() -> None:
    states = {"a": S.FAILED, "b": S.UPSTREAM_FAILED, "c": S.UPSTREAM_FAILED, "d": S.FAILED}
    choice = TaskChoice(task_ids=frozenset({"a"}))
    for target in (S.SUCCESS, S.SKIPPED):
        plan = plan_mark(CHAIN, found(states), choice, target)
        assert names(plan) == {"a": f"remark_{target}", "b": "clear", "c": "clear"}
    assert plan_mark(CHAIN, found(states), choice, S.FAILED) == []


def test_marking_leaves_alone_what_is_downstream_and_well() -> None:
    states = {"a": S.RUNNING, "b": S.SUCCESS, "c": S.NONE, "d": S.NONE}
    choice = TaskChoice(task_ids=frozenset({"a"}))
    assert names(plan_mark(CHAIN, found(states), choice, S.SUCCESS)) == {"a": "mark_success"}


def test_marking_what_is_that_already_changes_nothing() -> None:
    states = {"a": S.SUCCESS, "b": S.FAILED, "c": S.UPSTREAM_FAILED, "d": S.NONE}
    assert plan_mark(CHAIN, found(states), TaskChoice(task_ids=frozenset({"a"})), S.SUCCESS) == []


def test_marking_with_relatives_marks_them_too() -> None:
    states = {"a": S.FAILED, "b": S.UPSTREAM_FAILED, "c": S.UPSTREAM_FAILED, "d": S.NONE}
    choice = TaskChoice(task_ids=frozenset({"a"}), downstream=True)
    assert set(names(plan_mark(CHAIN, found(states), choice, S.SUCCESS)).values()) == {"remark_success"}


def test_ending_a_run_as_a_whole() -> None:
    states = {"a": S.SUCCESS, "b": S.RUNNING, "c": S.NONE, "d": S.FAILED}
    assert names(plan_run(found(states), RunState.FAILED)) == {"b": "cancel", "c": "cancel_unstarted"}
    assert names(plan_run(found(states), RunState.SUCCESS)) == {
        "b": "mark_success",
        "c": "mark_success",
        "d": "remark_success",
    }


# --- laws


@st.composite
def graphs(draw: st.DrawFn) -> Structure:
    size = draw(st.integers(1, 10))
    upstream: dict[str, Sequence[str]] = {}
    for number in range(size):
        before = [f"t{one}" for one in range(number)]
        upstream[f"t{number}"] = draw(st.lists(st.sampled_from(before), unique=True, max_size=3)) if before else []
    return Structure(dag_spec("d", upstream))


def states_of(structure: Structure) -> st.SearchStrategy[dict[str, TaskState]]:
    return st.fixed_dictionaries({task_id: st.sampled_from(list(TaskState)) for task_id in structure.tasks})


def choices(structure: Structure) -> st.SearchStrategy[TaskChoice]:
    return st.builds(
        TaskChoice,
        task_ids=st.none() | st.frozensets(st.sampled_from(sorted(structure.tasks))),
        upstream=st.booleans(),
        downstream=st.booleans(),
        only_failed=st.booleans(),
    )


@given(graphs(), st.data())
def test_clearing_with_downstream_is_closed_under_successors(structure: Structure, data: st.DataObject) -> None:
    choice = data.draw(choices(structure))
    everything = found(dict.fromkeys(structure.tasks, S.FAILED))
    plan = names(plan_clear(structure, everything, choice))
    # Upstream and downstream are both of the chosen tasks: what else follows an upstream one stays as it is.
    if choice.downstream and not choice.upstream:
        assert {after for task_id in plan for after in structure.downstream[task_id]} <= plan.keys()
    if choice.upstream and not choice.downstream:
        assert {before for task_id in plan for before in structure.tasks[task_id].upstream} <= plan.keys()
    if choice.task_ids is not None:
        assert choice.task_ids <= plan.keys()


@given(graphs(), st.data())
def test_every_change_is_legal_and_made_once(structure: Structure, data: st.DataObject) -> None:
    given_states = data.draw(states_of(structure))
    choice = data.draw(choices(structure))
    instances = found(given_states)
    plans = [
        plan_clear(structure, instances, choice),
        *(plan_mark(structure, instances, choice, target) for target in (S.SUCCESS, S.FAILED, S.SKIPPED)),
        plan_run(instances, RunState.SUCCESS),
        plan_run(instances, RunState.FAILED),
    ]
    for plan in plans:
        assert len(names(plan)) == len(plan)
        for change in plan:
            assert change.found.state in TRANSITIONS[change.transition].sources
            assert TRANSITIONS[change.transition].fences, "whoever holds it loses it"


@given(graphs(), st.data())
def test_a_plan_that_was_carried_out_leaves_nothing_to_do(structure: Structure, data: st.DataObject) -> None:
    given_states = data.draw(states_of(structure))
    choice = data.draw(choices(structure))
    target = data.draw(st.sampled_from([S.NONE, S.SUCCESS, S.FAILED, S.SKIPPED]))

    def plan(states: Mapping[str, TaskState]) -> list[Change]:
        if target is S.NONE:
            return plan_clear(structure, found(states), choice)
        return plan_mark(structure, found(states), choice, target)

    after = {**given_states, **{one.found.task_id: one.target for one in plan(given_states)}}
    assert plan(after) == []


@given(graphs(), st.data())
def test_a_run_that_was_ended_has_nothing_unfinished(structure: Structure, data: st.DataObject) -> None:
    given_states = data.draw(states_of(structure))
    for target in (RunState.SUCCESS, RunState.FAILED):
        plan = plan_run(found(given_states), target)
        after = {**given_states, **{one.found.task_id: one.target for one in plan}}
        assert set(after.values()) <= FINISHED
