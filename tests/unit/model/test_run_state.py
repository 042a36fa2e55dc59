"""Decisions on a run: which tasks go on, and how it ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.dag_specs import dag_spec

from bide.model.run_state import Advance, Instance, Structure, advance, final_state, needed, successors
from bide.model.states import FINISHED, RunState, TaskState
from bide.model.trigger_rules import TRIGGER_RULES

S = TaskState


class Run:
    """A run in memory: tasks end by hand, and :meth:`settle` takes its decisions as the duty does."""

    def __init__(self, structure: Structure) -> None:
        self.structure = structure
        self.states = dict.fromkeys(structure.tasks, S.NONE)
        self._unread: set[str] = set()
        for root in structure.roots:
            self.states[root] = S.SCHEDULED

    def end(self, task_id: str, state: TaskState) -> None:
        self.states[task_id] = state
        self._unread.add(task_id)

    def settle(self) -> None:
        """Decide until nothing moves: each decision looks only at what the last changes concern."""
        while self._unread:
            candidates = successors(self.structure, self._unread)
            self._unread = set()
            seen = needed(self.structure, candidates)
            self._apply(advance(self.structure, candidates, self._instances(seen)))

    def _instances(self, task_ids: Iterable[str]) -> list[Instance]:
        return [Instance(f"uid-{one}", one, 0, self.states[one]) for one in task_ids]

    def _apply(self, verdict: Advance) -> None:
        for one in verdict.schedule:
            assert self.states[one.task_id] is S.NONE
            self.states[one.task_id] = S.SCHEDULED
        for one in verdict.skip:
            self.end(one.task_id, S.SKIPPED)
        for one in verdict.upstream_failed:
            self.end(one.task_id, S.UPSTREAM_FAILED)

    @property
    def scheduled(self) -> list[str]:
        return sorted(task_id for task_id, state in self.states.items() if state is S.SCHEDULED)


def run_of(upstream: Mapping[str, Sequence[str]], **fields: Any) -> Run:
    return Run(Structure(dag_spec("d", upstream, **fields)))


def test_the_shape_of_a_dag() -> None:
    structure = Structure(dag_spec("d", {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"], "lone": []}))
    assert structure.roots == ("a", "lone")
    assert structure.leaves == ("d", "lone")
    assert {task_id: sorted(after) for task_id, after in structure.downstream.items()} == {
        "a": ["b", "c"],
        "b": ["d"],
        "c": ["d"],
        "d": [],
        "lone": [],
    }


def test_a_decision_sees_only_the_neighbourhood_of_what_ended() -> None:
    chain = {f"t{number}": [f"t{number - 1}"] if number else [] for number in range(1_000)}
    structure = Structure(dag_spec("d", chain))
    candidates = successors(structure, ["t500"])
    assert candidates == {"t501"}
    assert needed(structure, candidates) == {"t500", "t501"}


def test_finished_tasks_that_the_dag_no_longer_has_have_no_successors() -> None:
    assert successors(Structure(dag_spec()), ["gone"]) == set()


def test_a_chain_goes_on_one_by_one() -> None:
    run = run_of({"a": [], "b": ["a"], "c": ["b"]})
    for task_id in ("a", "b", "c"):
        assert run.scheduled == [task_id]
        run.end(task_id, S.SUCCESS)
        run.settle()


def test_a_failure_cascades_to_the_end_at_once() -> None:
    run = run_of({"a": [], "b": ["a"], "c": ["b"], "d": ["c"]})
    run.end("a", S.FAILED)
    run.settle()
    assert [run.states[one] for one in "bcd"] == [S.UPSTREAM_FAILED] * 3


def test_a_skip_cascades_until_a_rule_stops_it() -> None:
    run = run_of({"a": [], "b": ["a"], "c": ["b"]}, tasks={"c": {"trigger_rule": "all_done"}})
    run.end("a", S.SKIPPED)
    run.settle()
    assert (run.states["b"], run.states["c"]) == (S.SKIPPED, S.SCHEDULED)


def test_a_join_waits_for_all_of_its_upstream() -> None:
    run = run_of({"a": [], "b": [], "join": ["a", "b"]})
    run.end("a", S.SUCCESS)
    run.settle()
    assert run.states["join"] is S.NONE
    run.end("b", S.SUCCESS)
    run.settle()
    assert run.states["join"] is S.SCHEDULED


def test_what_has_begun_is_not_decided_again() -> None:
    run = run_of({"a": [], "b": [], "any": ["a", "b"]}, tasks={"any": {"trigger_rule": "one_success"}})
    run.end("a", S.SUCCESS)
    run.settle()
    run.end("any", S.RUNNING)
    run.end("b", S.FAILED)
    run.settle()
    assert run.states["any"] is S.RUNNING


@pytest.mark.parametrize(
    ("leaves", "expected"),
    [
        ([S.SUCCESS, S.SKIPPED], RunState.SUCCESS),
        ([S.SKIPPED], RunState.SUCCESS),
        ([S.REMOVED], RunState.SUCCESS),
        ([S.SUCCESS, S.FAILED], RunState.FAILED),
        ([S.UPSTREAM_FAILED], RunState.FAILED),
        ([], RunState.SUCCESS),
    ],
)
def test_a_run_ends_as_its_leaves_do(leaves: list[TaskState], expected: RunState) -> None:
    assert final_state(leaves) is expected


@st.composite
def dags(draw: st.DrawFn) -> Structure:
    size = draw(st.integers(1, 12))
    upstream: dict[str, list[str]] = {}
    for number in range(size):
        before = [f"t{one}" for one in range(number)]
        chosen = draw(st.lists(st.sampled_from(before), unique=True, max_size=4)) if before else []
        upstream[f"t{number}"] = chosen
    rules = {task_id: {"trigger_rule": draw(st.sampled_from(TRIGGER_RULES))} for task_id in upstream}
    return Structure(dag_spec("d", upstream, tasks=rules))


#: Ends that a task that was scheduled can come to by itself.
OUTCOMES = [S.SUCCESS, S.FAILED, S.SKIPPED]


@given(dags(), st.data())
def test_every_run_ends_whatever_its_tasks_do(structure: Structure, data: st.DataObject) -> None:
    run = Run(structure)
    steps = 0
    while run.scheduled:
        ending = data.draw(st.lists(st.sampled_from(run.scheduled), unique=True, min_size=1), label="end")
        for task_id in ending:
            run.end(task_id, data.draw(st.sampled_from(OUTCOMES), label=task_id))
        run.settle()
        steps += 1
        assert steps <= len(structure.tasks), "a task was scheduled twice"
    assert {task_id: state for task_id, state in run.states.items() if state not in FINISHED} == {}
