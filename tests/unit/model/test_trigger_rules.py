"""Trigger rules against a reference that looks at each upstream state by itself.

The reference says when a rule can still be kept by the states to come; the module under test works with counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations_with_replacement

import pytest

from bide.model.states import FINISHED, TaskState
from bide.model.trigger_rules import TRIGGER_RULES, Upstream, Verdict, count, evaluate

S = TaskState
OPEN = S.RUNNING
ENDS = sorted(FINISHED)

#: Every upstream of up to four instances: finished in each way, or still open.
UPSTREAMS = [states for size in range(1, 5) for states in combinations_with_replacement([*ENDS, OPEN], size)]

BROKEN = {S.FAILED, S.UPSTREAM_FAILED}


def kept(rule: str, ends: Sequence[TaskState]) -> bool:
    """Whether `rule` lets a task run whose whole upstream is finished, as its documentation says."""
    every: dict[str, Callable[[TaskState], bool]] = {
        "all_success": lambda one: one in (S.SUCCESS, S.REMOVED),
        "all_failed": lambda one: one in BROKEN,
        "all_done": lambda one: True,
        "none_failed": lambda one: one not in BROKEN,
        "none_skipped": lambda one: one is not S.SKIPPED,
        "all_skipped": lambda one: one is S.SKIPPED,
        "always": lambda one: True,
        "dummy": lambda one: True,
    }
    some: dict[str, Callable[[TaskState], bool]] = {
        "one_success": lambda one: one is S.SUCCESS,
        "one_failed": lambda one: one in BROKEN,
        "one_done": lambda one: one in (S.SUCCESS, S.FAILED),
        "all_done_min_one_success": lambda one: one is S.SUCCESS,
    }
    if rule in every:
        return all(map(every[rule], ends))
    if rule in some:
        return any(map(some[rule], ends))
    assert rule in ("none_failed_min_one_success", "none_failed_or_skipped")
    return not any(one in BROKEN for one in ends) and S.SUCCESS in ends


#: Rules that a failed upstream breaks "by failure": their task becomes upstream_failed instead of skipped.
PASS_FAILURE_ON = {
    "all_success",
    "none_failed",
    "none_failed_min_one_success",
    "none_failed_or_skipped",
    "one_success",
    "all_done_min_one_success",
}
#: Rules that are decided as soon as one upstream decides them, for or against.
EARLY_RUN = {"one_success", "one_failed", "one_done", "always", "dummy"}


def completions(states: Sequence[TaskState]) -> list[list[TaskState]]:
    """Every way in which the open instances may still end."""
    done = [one for one in states if one is not OPEN]
    missing = len(states) - len(done)
    return [done + list(more) for more in combinations_with_replacement(ENDS, missing)]


def reference(rule: str, states: Sequence[TaskState]) -> Verdict:
    if rule in ("always", "dummy"):
        return Verdict.RUN
    outcomes = {kept(rule, ends) for ends in completions(states)}
    is_open = OPEN in states
    if outcomes == {True} and (rule in EARLY_RUN or not is_open):
        return Verdict.RUN
    if outcomes == {False}:
        broken = any(one in BROKEN for one in states)
        return Verdict.UPSTREAM_FAILED if broken and rule in PASS_FAILURE_ON else Verdict.SKIP
    return Verdict.WAIT


def verdict(rule: str, states: Sequence[TaskState]) -> Verdict:
    return evaluate(rule, count(Counter(states)))


@pytest.mark.parametrize("rule", TRIGGER_RULES)
def test_every_upstream_of_up_to_four_as_the_reference_says(rule: str) -> None:
    wrong = {
        states: (verdict(rule, states), reference(rule, states))
        for states in UPSTREAMS
        if verdict(rule, states) is not reference(rule, states)
    }
    assert wrong == {}


@pytest.mark.parametrize("rule", TRIGGER_RULES)
def test_a_finished_upstream_is_never_waited_for(rule: str) -> None:
    for size in range(7):
        for ends in combinations_with_replacement(ENDS, size):
            assert verdict(rule, ends) is not Verdict.WAIT, ends


@pytest.mark.parametrize("rule", TRIGGER_RULES)
def test_a_verdict_does_not_change_when_more_upstream_ends(rule: str) -> None:
    for states in UPSTREAMS:
        early = verdict(rule, states)
        if early in (Verdict.SKIP, Verdict.UPSTREAM_FAILED):
            for ends in completions(states):
                assert verdict(rule, ends) is not Verdict.RUN, (states, ends)
        if early is Verdict.RUN and rule not in ("always", "dummy"):
            for ends in completions(states):
                assert verdict(rule, ends) is Verdict.RUN, (states, ends)


@pytest.mark.parametrize("rule", TRIGGER_RULES)
def test_a_task_without_upstream_runs(rule: str) -> None:
    assert evaluate(rule, Upstream(total=0)) is Verdict.RUN


@pytest.mark.parametrize(
    ("rule", "states", "expected"),
    [
        ("all_success", [S.SUCCESS, S.SUCCESS], Verdict.RUN),
        ("all_success", [S.SUCCESS, S.SKIPPED], Verdict.SKIP),
        ("all_success", [OPEN, S.FAILED], Verdict.UPSTREAM_FAILED),
        ("all_success", [S.FAILED, S.SKIPPED], Verdict.UPSTREAM_FAILED),
        ("all_failed", [S.FAILED, S.UPSTREAM_FAILED], Verdict.RUN),
        ("all_failed", [OPEN, S.SUCCESS], Verdict.SKIP),
        ("all_done", [S.FAILED, S.SKIPPED, S.UPSTREAM_FAILED], Verdict.RUN),
        ("all_done", [S.FAILED, OPEN], Verdict.WAIT),
        ("one_failed", [S.UPSTREAM_FAILED, OPEN], Verdict.RUN),
        ("one_failed", [S.SUCCESS, S.SKIPPED], Verdict.SKIP),
        ("one_success", [S.SUCCESS, OPEN], Verdict.RUN),
        ("one_success", [S.FAILED, S.SKIPPED], Verdict.UPSTREAM_FAILED),
        ("one_success", [S.SKIPPED, S.SKIPPED], Verdict.SKIP),
        ("one_done", [S.SKIPPED, S.FAILED], Verdict.RUN),
        ("one_done", [S.SKIPPED, S.UPSTREAM_FAILED], Verdict.SKIP),
        ("none_failed", [S.SUCCESS, S.SKIPPED], Verdict.RUN),
        ("none_failed_min_one_success", [S.SKIPPED, S.SKIPPED], Verdict.SKIP),
        ("none_failed_min_one_success", [S.SKIPPED, S.SUCCESS], Verdict.RUN),
        ("none_skipped", [S.FAILED, S.SUCCESS], Verdict.RUN),
        ("none_skipped", [OPEN, S.SKIPPED], Verdict.SKIP),
        ("all_skipped", [S.SKIPPED, S.SKIPPED], Verdict.RUN),
        ("all_done_min_one_success", [S.FAILED, S.SUCCESS], Verdict.RUN),
        ("all_done_min_one_success", [OPEN, S.SUCCESS], Verdict.WAIT),
        ("always", [OPEN], Verdict.RUN),
    ],
)
def test_cases_that_people_know(rule: str, states: Sequence[TaskState], expected: Verdict) -> None:
    assert verdict(rule, states) is expected


def test_the_two_names_of_one_rule_agree() -> None:
    for states in UPSTREAMS:
        assert verdict("none_failed_or_skipped", states) is verdict("none_failed_min_one_success", states)
        assert verdict("dummy", states) is verdict("always", states)
