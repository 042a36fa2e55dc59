"""When the local executor forks another worker."""

from __future__ import annotations

from dataclasses import replace

from bide.engine.executors.local.growth import (
    LONG_WAIT,
    MAX_FORKING,
    PATIENCE,
    SHORT_WAIT,
    SOON,
    STUCK_WAIT,
    Demand,
    Growth,
    Machine,
    decide_growth,
)

NOW = 1000.0
LONG_AGO = float("-inf")

#: Two processors, both at work on two tasks; room for 30 more workers.
BUSY = Machine(busy=2, forking=0, room=30, cores=2, idle_cores=0.0, last_growth=LONG_AGO)
IDLE = replace(BUSY, idle_cores=2.0)


def demand(claims: int, *, waiting: float = 0.0, workers: int = 2, freed: float = 10.0, urgent: int = 0) -> Demand:
    """`claims` of one file, the oldest of which waits for so many seconds; its workers were `freed` so long ago."""
    return Demand(
        file="dags/one.py",
        claims=claims,
        oldest=NOW - waiting,
        workers=workers,
        last_free=NOW - freed,
        since=NOW - waiting,
        urgent=urgent,
    )


def test_up_to_one_worker_per_core_comes_at_once():
    empty = replace(BUSY, busy=0)
    assert decide_growth([demand(10, workers=0)], empty, NOW).forks == 2
    assert decide_growth([demand(1, workers=0)], empty, NOW).forks == 1
    assert decide_growth([demand(10, workers=1)], replace(BUSY, busy=1), NOW).forks == 1


def test_workers_on_their_way_count():
    assert decide_growth([demand(10, workers=0)], replace(BUSY, busy=0, forking=2), NOW).forks == 0
    assert decide_growth([demand(10, workers=0)], replace(BUSY, busy=0, forking=1), NOW).forks == 1


def test_a_file_without_workers_gets_its_first_one_at_once():
    assert decide_growth([demand(3, workers=0)], BUSY, NOW).forks == 1
    three_files = [demand(1, workers=0), demand(1, workers=0), demand(1)]
    assert decide_growth(three_files, BUSY, NOW).forks == 2


def test_a_claim_waits_a_moment_for_a_warm_worker():
    assert decide_growth([demand(4)], IDLE, NOW) == Growth(forks=0, again_at=NOW + PATIENCE)


def test_long_tasks_get_more_workers_where_processors_idle():
    growth = decide_growth([demand(3, waiting=PATIENCE)], IDLE, NOW)
    assert growth.forks == 3
    assert growth.grows


def test_short_tasks_get_none_while_workers_keep_coming_free():
    growth = decide_growth([demand(30, waiting=SHORT_WAIT / 2, freed=0.001)], IDLE, NOW)
    assert growth.forks == 0
    assert growth.again_at is not None
    assert growth.again_at > NOW


def test_too_few_workers_for_short_tasks_become_more_step_by_step():
    waiting_long = demand(30, waiting=SHORT_WAIT, freed=0.001)
    assert decide_growth([waiting_long], IDLE, NOW) == Growth(forks=2, grows=True, again_at=NOW + SHORT_WAIT)
    just_grown = replace(IDLE, last_growth=NOW)
    assert decide_growth([waiting_long], just_grown, NOW).forks == 0


def test_a_burst_of_short_tasks_is_left_to_the_workers_there_are():
    """50 tasks of 4 ms take two workers 0.1 s: about what one more fork does."""
    burst = replace(demand(50, waiting=SHORT_WAIT, freed=0.001), pace=0.004)
    assert decide_growth([burst], IDLE, NOW).forks == 0
    assert decide_growth([replace(burst, pace=0.005)], IDLE, NOW).forks == IDLE.cores
    assert decide_growth([replace(burst, claims=60)], IDLE, NOW).forks == IDLE.cores


def test_short_tasks_that_keep_coming_are_no_burst():
    """What waits in the executor is never more than it has slots, however many there are in the store."""
    flood = replace(demand(30, waiting=SHORT_WAIT, freed=0.001), pace=0.002, since=NOW - SOON)
    assert decide_growth([flood], IDLE, NOW).forks == IDLE.cores


def test_a_pace_is_not_believed_when_no_worker_comes_free():
    stalled = replace(demand(10, waiting=SOON - 0.01, freed=SHORT_WAIT / 2), pace=0.002)
    assert decide_growth([stalled], IDLE, NOW).forks == 0, "a hiccup"
    assert decide_growth([replace(stalled, last_free=NOW - 0.06)], IDLE, NOW).forks == MAX_FORKING


def test_where_no_processor_idles_growth_is_slow():
    long_tasks = demand(30, waiting=STUCK_WAIT / 2)
    assert decide_growth([long_tasks], BUSY, NOW) == Growth(forks=0, again_at=NOW + PATIENCE)
    assert decide_growth([demand(30, waiting=STUCK_WAIT)], BUSY, NOW).forks == BUSY.cores
    short_tasks = demand(30, waiting=STUCK_WAIT, freed=0.001)
    assert decide_growth([short_tasks], BUSY, NOW).forks == 0
    assert decide_growth([demand(30, waiting=LONG_WAIT, freed=0.001)], BUSY, NOW).forks == BUSY.cores


def test_only_so_many_forks_are_in_flight():
    stuck = demand(20, waiting=1.0)
    assert decide_growth([stuck], IDLE, NOW).forks == MAX_FORKING
    assert decide_growth([stuck], replace(IDLE, forking=3), NOW).forks == 1
    assert decide_growth([stuck], replace(IDLE, forking=MAX_FORKING), NOW).forks == 0


def test_never_more_than_there_is_room_for():
    full = replace(IDLE, room=0)
    growth = decide_growth([demand(2, waiting=5.0, workers=0)], full, NOW)
    assert growth.forks == 0
    assert not growth.grows
    assert decide_growth([demand(20, waiting=5.0)], replace(IDLE, room=1), NOW).forks == 1


def test_started_tasks_without_a_worker_do_not_wait():
    assert decide_growth([demand(3, urgent=2)], BUSY, NOW).forks == 2
