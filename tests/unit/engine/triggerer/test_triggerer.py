"""From waits to runners and back, with a scripted runner and a control without a database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from triggerer_fakes import FakeRunner, names

from bide.engine import faults
from bide.wire.messages import TriggerEnded

Start = Callable[..., Any]


async def test_without_waits_there_is_no_process(start: Start):
    world = await start(safety_poll=0.01)
    world.bell.ring("waits", "drops", "cancels")
    world.control.defer("w1")
    await world.until(lambda: world.source.held() == {"w1"}, "armed")
    assert len(world.source.runners) == 1


async def test_an_event_ends_its_wait(start: Start):
    world = await start()
    world.control.defer("w1", "w2")
    await world.until(lambda: world.source.held() == {"w1", "w2"}, "armed")
    world.source.holder("w1").end("w1", b'"done"')
    await world.until(lambda: "w1" in world.control.accepted, "accepted")
    ending = world.control.accepted["w1"]
    assert (ending.outcome.payload, ending.error) == (b'"done"', "")
    assert world.source.held() == {"w2"}


async def test_a_trigger_that_fails_fails_its_wait(start: Start):
    world = await start()
    world.control.defer("w1")
    await world.until(lambda: world.source.held() == {"w1"}, "armed")
    world.source.holder("w1").end("w1", error="ValueError: no such file")
    await world.until(lambda: "w1" in world.control.accepted, "accepted")
    assert world.control.accepted["w1"].outcome is None
    assert world.control.accepted["w1"].error == "ValueError: no such file"


async def test_an_ending_under_an_old_token_is_not_even_written(start: Start):
    world = await start()
    world.control.defer("w1", "w2")
    await world.until(lambda: len(world.source.held()) == 2, "armed")
    runner = world.source.holder("w1")
    runner.send(TriggerEnded("w1", token=0, error="late"))
    runner.end("w2")
    await world.until(lambda: "w2" in world.control.accepted, "accepted")
    assert world.control.refused == []
    assert "w1" in world.control.waits


async def test_endings_that_come_together_are_written_together(start: Start):
    world = await start()
    world.control.defer(*names(50), "last")
    await world.until(lambda: len(world.source.held()) == 51, "armed")
    world.control.may_write.clear()
    runner = world.source.holder("last")
    for wait_id in names(50):
        runner.end(wait_id)
    pings = runner.pings
    await world.until(lambda: runner.pings > pings, "all sent")
    world.control.may_write.set()
    await world.until(lambda: len(world.control.accepted) == 50, "accepted")
    assert len(world.control.writes) <= 3


async def test_a_wait_that_ended_elsewhere_is_dropped(start: Start):
    world = await start()
    world.control.defer("w1", "w2")
    await world.until(lambda: len(world.source.held()) == 2, "armed")
    runner = world.source.holder("w1")
    world.control.end_from_outside("w1")
    await world.until(lambda: runner.dropped == ["w1"], "dropped")
    assert world.source.held() == {"w2"}


async def test_a_wait_that_ends_while_it_is_handed_over_is_dropped(start: Start):
    world = await start()
    fork = world.source.fork

    async def slow_fork(role: str, label: str) -> Any:
        world.control.end_from_outside("w1")
        return await fork(role, label)

    world.source.fork = slow_fork
    world.control.defer("w1", "w2")
    await world.until(lambda: bool(world.source.runners) and world.source.runners[0].dropped == ["w1"], "dropped")
    assert world.source.held() == {"w2"}


async def test_an_end_nobody_told_of_is_seen_by_the_safety_poll(start: Start):
    world = await start(safety_poll=0.02)
    world.control.defer("w1")
    await world.until(lambda: len(world.source.held()) == 1, "armed")
    runner = world.source.holder("w1")
    del world.control.waits["w1"]
    await world.until(lambda: runner.dropped == ["w1"], "dropped")


async def test_a_fixed_capacity_is_kept_to_and_room_is_used_at_once(start: Start):
    world = await start(capacity=5)
    assert world.triggerer.shortage == ""
    world.control.defer(*names(12))
    await world.until(lambda: len(world.source.held()) == 5 and world.triggerer.shortage, "armed")
    assert world.triggerer.shortage == "the triggerer holds 5 triggers, and its capacity is 5"
    for wait_id in sorted(world.source.held()):
        world.source.holder(wait_id).end(wait_id)
    await world.until(lambda: len(world.control.accepted) == 5 and len(world.source.held()) == 5, "the next five")
    assert sum(world.control.claims) == 10


async def test_an_open_capacity_grows_while_the_loops_keep_up(start: Start):
    world = await start(first_capacity=10, claim_batch=7, max_runners=1)
    world.control.defer(*names(100))
    await world.until(lambda: len(world.source.held()) == 100, "all armed")
    assert max(world.control.claims) <= 7
    assert len(world.source.runners) == 1


async def test_an_open_capacity_does_not_grow_while_a_loop_is_stuck(start: Start):
    world = await start(first_capacity=10, max_runners=1)

    def stick(runner: FakeRunner) -> None:
        runner.stuck = True

    world.source.prepare = stick
    world.control.defer(*names(30))
    await world.until(
        lambda: len(world.source.held()) == 10 and world.source.runners[0].unanswered, "armed, pinged"
    )
    runner = world.source.runners[0]
    assert len(world.source.held()) == 10
    runner.come_back()
    await world.until(lambda: len(world.source.held()) == 30, "the rest")


async def test_a_further_process_is_started_when_the_first_is_well_filled(start: Start):
    world = await start(spread_at=10, claim_batch=5, max_runners=2)
    world.control.defer(*names(40))
    await world.until(lambda: len(world.source.held()) == 40, "armed")
    assert sorted(len(runner.armed) for runner in world.source.alive) == [20, 20]


async def test_a_process_without_work_is_stopped(start: Start):
    world = await start(idle_stop=0.05)
    world.control.defer("w1")
    await world.until(lambda: world.source.held() == {"w1"}, "armed")
    (runner,) = world.source.runners
    runner.end("w1")
    await world.until(lambda: not runner.alive, "stopped")
    assert runner.stopped
    world.control.defer("w2")
    await world.until(lambda: world.source.held() == {"w2"}, "armed in a new one")
    assert len(world.source.runners) == 2


async def test_a_locked_store_delays_and_loses_nothing(start: Start):
    world = await start()
    world.control.outages = 1
    world.control.defer("w1")
    await world.until(lambda: world.source.held() == {"w1"}, "armed")
    world.control.outages = 2
    world.source.holder("w1").end("w1")
    await world.until(lambda: "w1" in world.control.accepted, "accepted")


async def test_without_a_template_waits_are_given_back_and_claimed_later(start: Start):
    world = await start(safety_poll=0.05)
    world.source.unavailable = True
    world.control.defer("w1")
    await world.until(lambda: world.control.waits["w1"].token >= 2, "claimed and released")
    world.source.unavailable = False
    await world.until(lambda: world.source.held() == {"w1"}, "armed")


async def test_stopping_cleans_up_and_gives_the_leases_back(start: Start):
    world = await start()
    world.control.defer("w1", "w2")
    await world.until(lambda: len(world.source.held()) == 2, "armed")
    (runner,) = world.source.runners
    await world.triggerer.stop(grace=5.0)
    assert runner.stopped
    assert not runner.alive
    assert world.control.released_all
    assert not any(wait.claimed for wait in world.control.waits.values())


async def test_an_event_that_comes_while_it_stops_is_still_stored(start: Start):
    world = await start()
    world.control.defer("w1", "w2")
    await world.until(lambda: len(world.source.held()) == 2, "armed")
    (runner,) = world.source.runners
    runner.on_stop = lambda: runner.end("w1")
    await world.triggerer.stop(grace=5.0)
    assert "w1" in world.control.accepted
    assert not world.control.waits["w2"].claimed


async def test_a_runner_that_does_not_stop_in_time_is_killed(start: Start):
    world = await start()
    world.control.defer("w1")
    await world.until(lambda: len(world.source.held()) == 1, "armed")
    (runner,) = world.source.runners
    runner.ignores_stop = True
    await world.triggerer.stop(grace=0.05)
    assert not runner.alive
    assert str(runner.exited.result()).startswith("died with signal 9")


async def test_live_questions_are_answered_by_the_runners(start: Start):
    world = await start(answer_timeout=0.05)
    world.control.defer("w1", "w2")
    await world.until(lambda: len(world.source.held()) == 2, "armed")
    (runner,) = world.source.runners
    assert await world.triggerer.next_looks(["w1", "elsewhere"]) == {"w1": 1000.0}
    assert world.triggerer.where(["w1", "elsewhere"]) == {"w1": runner.label}
    assert world.triggerer.pids() == [runner.process.pid]
    runner.stuck = True
    assert await world.triggerer.next_looks(["w1"]) == {}


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the fault points that are passed."""
    passed: list[str] = []
    monkeypatch.setattr(faults, "reach", passed.append)
    faults.arm({"BIDE_FAULT": "claim.before:raise:1000000"})
    return passed


async def test_the_event_commit_is_a_fault_point(start: Start, fault: list[str]):
    try:
        world = await start()
        world.control.defer("w1")
        await world.until(lambda: len(world.source.held()) == 1, "armed")
        assert fault == []
        world.source.holder("w1").end("w1")
        await world.triggerer.stop(grace=5.0)
        assert "w1" in world.control.accepted
        assert fault == ["event.before", "event.after"]
    finally:
        faults.arm({})


async def test_k04_one_bad_ending_fails_alone(start: Start):
    """K04"""
    world = await start()
    world.control.unstorable = {"w2"}
    world.control.defer("w1", "w2", "w3")
    await world.until(lambda: len(world.source.held()) == 3, "armed")
    world.control.may_write.clear()
    for wait_id in ("w1", "w2", "w3"):
        world.source.holder(wait_id).end(wait_id)
    world.control.may_write.set()
    await world.until(lambda: len(world.control.accepted) == 3, "all have ended")
    assert world.control.accepted["w1"].error == world.control.accepted["w3"].error == ""
    assert world.control.accepted["w2"].error == "the trigger's event can't be stored: no row for w2"


async def test_k02_a_failure_of_the_triggerer_itself_is_reported_and_got_over(start: Start):
    """K02"""
    world = await start()
    claim = world.control.claim_waits

    async def fail_once(limit: int) -> Any:
        world.control.claim_waits = claim
        raise RuntimeError("a bug")

    world.control.claim_waits = fail_once
    world.control.defer("w1")
    await world.until(lambda: world.source.held() == {"w1"}, "armed all the same")
    assert world.triggerer.last_error == "RuntimeError: a bug"
    assert not world.triggerer.healthy


async def test_it_is_healthy_while_it_runs(start: Start):
    world = await start()
    world.control.defer("w1")
    await world.until(lambda: world.source.held() == {"w1"}, "armed")
    assert world.triggerer.healthy
    await world.triggerer.stop(grace=5.0)
    assert not world.triggerer.healthy
