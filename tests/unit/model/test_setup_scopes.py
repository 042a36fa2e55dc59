"""What is cleared with setups and teardowns, and which leaves count."""

from __future__ import annotations

import pytest
from tests.support.dag_specs import dag_spec

from bide.model.run_state import Structure, needed, successors
from bide.model.selection import Found, TaskChoice, plan_clear, plan_mark
from bide.model.setup_teardown import constrained
from bide.model.states import TaskState
from bide.model.trigger_rules import Verdict

#: s1 >> (w1 >> w2) >> t1, and w2 lies between s2 and t2 as well; `free` is in neither.
UPSTREAM = {
    "s1": [],
    "s2": ["w1"],
    "w1": ["s1"],
    "w2": ["w1", "s2"],
    "t2": ["w2", "s2"],
    "t1": ["w2", "t2", "s1"],
    "free": [],
}
KINDS = {
    "s1": {"is_setup": True},
    "s2": {"is_setup": True},
    "t1": {"is_teardown": True},
    "t2": {"is_teardown": True},
}
STRUCTURE = Structure(dag_spec("d", UPSTREAM, tasks=KINDS))


@pytest.mark.parametrize(
    ("chosen", "upstream", "downstream", "expected"),
    [
        ({"w2"}, False, False, {"s1", "t1", "s2", "t2"}),
        ({"w1"}, False, False, {"s1", "t1"}),
        ({"w1"}, False, True, {"s1", "t1", "s2", "t2"}),
        ({"s2"}, False, False, {"t2"}),
        ({"t2"}, False, False, set()),
        ({"w2"}, True, False, {"t1", "t2"}),
        ({"free"}, False, True, set()),
    ],
)
def test_what_is_cleared_too(chosen: set[str], upstream: bool, downstream: bool, expected: set[str]) -> None:
    assert STRUCTURE.scopes.cleared_with(chosen, upstream=upstream, downstream=downstream) == expected


def test_far_setups_are_looked_at() -> None:
    assert STRUCTURE.scopes.far_setups == {"w2": ("s1",), "s2": ("s1",)}
    assert "s1" in needed(STRUCTURE, {"w2"})
    assert successors(STRUCTURE, {"s1"}) == {"w1", "t1", "w2", "s2"}


def test_teardowns_are_no_leaves() -> None:
    assert set(STRUCTURE.leaves) == {"w2", "free"}
    kinds = {**KINDS, "t1": {"is_teardown": True, "on_failure_fail_dagrun": True}}
    assert set(Structure(dag_spec("d", UPSTREAM, tasks=kinds)).leaves) == {"t1", "free"}


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["success"], Verdict.RUN),
        (["success", "failed"], Verdict.UPSTREAM_FAILED),
        (["skipped", "success"], Verdict.SKIP),
        (["running"], Verdict.WAIT),
    ],
)
def test_without_its_setups_a_task_can_not_run(states: list[str], expected: Verdict) -> None:
    assert constrained(Verdict.RUN, [TaskState(one) for one in states]) is expected
    assert constrained(Verdict.SKIP, [TaskState(one) for one in states]) is Verdict.SKIP


def test_a_clear_takes_setups_and_teardowns_along_and_a_mark_does_not() -> None:
    found = [Found(f"u-{one}", "run", "r", one, -1, 0, TaskState.SUCCESS, 1) for one in UPSTREAM]
    choice = TaskChoice(task_ids=frozenset({"w1"}))
    assert {one.found.task_id for one in plan_clear(STRUCTURE, found, choice)} == {"w1", "s1", "t1"}
    marked = plan_mark(STRUCTURE, found, choice, TaskState.FAILED)
    assert [one.found.task_id for one in marked] == ["w1"]
