"""Which trigger killed its process: found by splitting the suspects."""

from __future__ import annotations

import pytest

from bide.engine.triggerer.suspicion import CONVICT_AT, NO_GROUP, Suspicion


def _arm_until_convicted(suspicion: Suspicion, wait_ids: list[str], deadly: set[str]) -> tuple[set[str], int]:
    """Play processes that die when they hold one of `deadly`: who was convicted, after how many deaths."""
    waiting = list(wait_ids)
    convicted: set[str] = set()
    deaths = 0
    while dying := [
        group
        for group in {suspicion.group_of(wait_id) for wait_id in waiting}
        if any(suspicion.group_of(wait_id) == group for wait_id in waiting if wait_id in deadly)
    ]:
        held = [wait_id for wait_id in waiting if suspicion.group_of(wait_id) == dying[0]]
        deaths += 1
        verdict = suspicion.process_died(held, now=float(deaths))
        convicted |= verdict.convicted.keys()
        rearmed = [wait_id for _, again in verdict.rearm for wait_id in again]
        assert sorted([*rearmed, *verdict.convicted]) == sorted(held)
        waiting = [wait_id for wait_id in waiting if wait_id not in verdict.convicted]
    return convicted, deaths


@pytest.mark.parametrize("count", [1, 2, 3, 10, 1000])
def test_the_deadly_trigger_alone_is_convicted(count: int):
    wait_ids = [f"w{number}" for number in range(count)]
    deadly = {wait_ids[count // 3]}
    convicted, deaths = _arm_until_convicted(Suspicion(), wait_ids, deadly)
    assert convicted == deadly
    assert deaths <= CONVICT_AT + count.bit_length()


def test_several_deadly_triggers_are_all_convicted():
    wait_ids = [f"w{number}" for number in range(64)]
    deadly = {"w0", "w1", "w63"}
    convicted, _ = _arm_until_convicted(Suspicion(), wait_ids, deadly)
    assert convicted == deadly


def test_a_first_death_is_no_ground_for_suspicion():
    suspicion = Suspicion()
    verdict = suspicion.process_died(["a", "b"], now=0.0)
    assert verdict.convicted == {}
    assert verdict.rearm == [(0.0, ["a", "b"])]
    assert suspicion.group_of("a") == suspicion.group_of("b") == NO_GROUP


def test_a_second_death_splits_those_that_were_in_both():
    suspicion = Suspicion()
    suspicion.process_died(["a", "b"], now=0.0)
    verdict = suspicion.process_died(["a", "b", "new"], now=1.0)
    assert [wait_ids for _, wait_ids in verdict.rearm] == [["new"], ["a", "b"]]
    pause_of_new, pause_of_suspects = (pause for pause, _ in verdict.rearm)
    assert pause_of_new == 0.0 < pause_of_suspects
    assert suspicion.group_of("new") == NO_GROUP
    assert len({NO_GROUP, suspicion.group_of("a"), suspicion.group_of("b")}) == 3


def test_pauses_grow_and_stay_bounded():
    suspicion = Suspicion()
    pauses = []
    for death in range(12):
        verdict = suspicion.process_died(["a", "b"], now=float(death))
        pauses.append(max(pause for pause, _ in verdict.rearm))
    assert pauses == sorted(pauses)
    assert pauses[0] == 0.0
    assert pauses[-1] == pauses[-2] == 5.0


def test_deaths_long_ago_do_not_count():
    suspicion = Suspicion()
    for death in range(10):
        verdict = suspicion.process_died(["a"], now=death * 901.0)
        assert verdict.convicted == {}


def test_an_ended_wait_is_forgotten():
    suspicion = Suspicion()
    suspicion.process_died(["a"], now=0.0)
    suspicion.process_died(["a"], now=1.0)
    suspicion.forget("a")
    assert suspicion.process_died(["a"], now=2.0).convicted == {}


def test_one_that_blocks_its_loop_may_go_on_alone_and_is_convicted_only_then():
    suspicion = Suspicion()
    suspicion.process_died(["a", "b"], now=0.0, blocked=True)
    assert not suspicion.may_block("a")
    suspicion.process_died(["a", "b"], now=1.0, blocked=True)
    assert suspicion.may_block("a")
    assert suspicion.process_died(["a"], now=2.0, blocked=True).convicted == {"a": 3}
    assert suspicion.process_died(["b"], now=2.0, blocked=False).convicted == {"b": 3}


def test_one_that_blocks_after_it_crashed_is_given_the_chance_to_block_alone():
    suspicion = Suspicion()
    suspicion.process_died(["a"], now=0.0)
    suspicion.process_died(["a"], now=1.0)
    assert suspicion.process_died(["a"], now=2.0, blocked=True).convicted == {}
    assert suspicion.may_block("a")
    assert suspicion.process_died(["a"], now=3.0, blocked=True).convicted == {"a": 4}
