"""Runners that die, hang or crash again and again."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from typing import Any

import pytest
from triggerer_fakes import FakeRunner, names

Start = Callable[..., Any]


async def test_k02_the_triggers_of_a_dead_process_run_again_elsewhere(start: Start):
    """K02"""
    world = await start()
    world.control.defer("w1", "w2")
    await world.until(lambda: len(world.source.held()) == 2, "armed")
    (first,) = world.source.runners
    first.die(signal.SIGKILL)
    await world.until(lambda: len(world.source.runners) == 2 and len(world.source.held()) == 2, "armed again")
    second = world.source.holder("w1")
    assert second is not first
    assert second.armed["w1"].token > first.armed["w1"].token
    second.end("w1")
    await world.until(lambda: "w1" in world.control.accepted, "accepted")


async def test_what_ended_before_the_death_is_not_run_again(start: Start):
    world = await start()
    world.control.defer("w1", "w2")
    await world.until(lambda: len(world.source.held()) == 2, "armed")
    (first,) = world.source.runners
    world.control.may_write.clear()
    first.end("w1", b'"once"')
    first.die(signal.SIGKILL)
    await world.until(lambda: len(world.source.runners) == 2 and "w2" in world.source.held(), "armed again")
    world.control.may_write.set()
    await world.until(lambda: "w1" in world.control.accepted, "accepted")
    assert world.control.accepted["w1"].outcome.payload == b'"once"'
    assert world.source.held() == {"w2"}


async def test_k02_a_loop_that_does_not_answer_costs_its_process(start: Start, caplog: pytest.LogCaptureFixture):
    """K02"""
    world = await start(heartbeat=0.1)
    world.control.defer("w1")
    await world.until(lambda: world.source.held() == {"w1"}, "armed")
    (first,) = world.source.runners
    first.stuck = True
    await world.until(lambda: len(world.source.runners) == 2 and world.source.held() == {"w1"}, "moved")
    assert first.exited.result().status == -signal.SIGKILL
    assert "has not answered for" in caplog.text


async def test_k05_a_short_block_is_reported_and_costs_nothing(start: Start, caplog: pytest.LogCaptureFixture):
    """K05"""
    world = await start(blocked_after=0.05, spread_at=1, claim_batch=1, max_runners=2)
    world.control.defer("w1", "w2")
    await world.until(lambda: len(world.source.held()) == 2, "armed")
    runner, other = world.source.holder("w1"), world.source.holder("w2")
    runner.stuck = True
    await world.until(lambda: bool(runner.unanswered), "pinged")
    await _pings(world, other, 15)
    runner.come_back()
    await _pings(world, runner, 2)
    assert runner.alive
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert runner.label in warnings[0]
    assert "times so far: 1" in warnings[0]


async def _pings(world: Any, runner: FakeRunner, count: int) -> None:
    """Until `runner` was pinged `count` more times, which is at least as many ping intervals."""
    already = runner.pings
    await world.until(lambda: runner.pings >= already + count, "pinged")


async def test_k02_a_runner_that_loses_triggers_without_a_word_is_replaced(start: Start):
    """K02"""
    world = await start()
    world.control.defer("w1", "w2")
    await world.until(lambda: len(world.source.held()) == 2, "armed")
    (first,) = world.source.runners
    first.says_it_holds = 1
    await world.until(lambda: len(world.source.runners) == 2 and len(world.source.held()) == 2, "moved")
    assert not first.alive


async def test_k04_a_trigger_that_kills_every_process_is_found_and_failed(start: Start):
    """K04"""
    world = await start()

    def poison(runner: FakeRunner) -> None:
        runner.deadly = {"w00003"}

    world.source.prepare = poison
    world.control.defer(*names(6))
    await world.until(lambda: bool(world.control.accepted), "convicted", timeout=30.0)
    (ending,) = world.control.accepted.values()
    assert ending.wait_id == "w00003"
    assert ending.outcome is None
    assert "with no other trigger in it" in ending.error
    assert "SIGSEGV" in ending.error
    others = set(names(6)) - {"w00003"}
    await world.until(lambda: world.source.held() == others, "the others are armed")


async def test_a_process_that_is_killed_twice_convicts_nobody(start: Start):
    world = await start()
    world.control.defer("w1")
    for count in (1, 2):
        await world.until(lambda: len(world.source.runners) == count and world.source.held() == {"w1"}, "armed")  # noqa: B023
        world.source.holder("w1").die(signal.SIGKILL)
    await world.until(lambda: len(world.source.runners) == 3 and world.source.held() == {"w1"}, "armed again")
    world.source.holder("w1").end("w1")
    await world.until(lambda: "w1" in world.control.accepted, "accepted")
    assert world.control.accepted["w1"].error == ""


async def test_deaths_of_the_template_convict_nobody(start: Start):
    world = await start()
    world.source.template_died = True
    world.control.defer("w1")
    for count in range(1, 7):
        await world.until(lambda: len(world.source.runners) == count and world.source.held() == {"w1"}, "armed")  # noqa: B023
        world.source.holder("w1").die(signal.SIGKILL)
    await world.until(lambda: len(world.source.runners) == 7 and world.source.held() == {"w1"}, "armed again")


async def test_k05_a_trigger_that_blocks_ends_up_alone_and_may_block_there(start: Start):
    """K05"""
    world = await start(heartbeat=0.05, alone_patience=600.0)

    def block(runner: FakeRunner) -> None:
        runner.blocking = {"w1"}

    world.source.prepare = block
    world.control.defer("w1", "w2", "w3")
    await world.until(
        lambda: (
            bool(world.source.held())
            and world.source.held() == {"w1", "w2", "w3"}
            and list(world.source.holder("w1").armed) == ["w1"]
        ),
        "w1 is alone",
        timeout=30.0,
    )
    alone = world.source.holder("w1")
    await world.until(lambda: bool(alone.unanswered), "pinged")
    await _pings(world, world.source.holder("w3"), 40)
    assert alone.alive
    alone.come_back()
    alone.end("w1")
    await world.until(lambda: "w1" in world.control.accepted, "accepted")
    await world.until(lambda: not alone.alive, "the extra process is stopped at once")


async def test_k14_a_process_with_old_code_keeps_its_triggers_and_gets_no_others(start: Start):
    """K14"""
    world = await start()
    world.control.defer("w1")
    await world.until(lambda: world.source.held() == {"w1"}, "armed")
    (old,) = world.source.runners
    old.leaves_to_others = "helper.py has changed"
    world.control.defer("w2")
    await world.until(lambda: len(world.source.runners) == 2 and world.source.held() == {"w1", "w2"}, "both run")
    assert set(old.armed) == {"w1"}
    assert world.control.waits["w2"].token == 3, "given back, and claimed anew"
    old.end("w1")
    await world.until(lambda: not old.alive, "stopped at once when it is done")
    world.control.defer("w3")
    await world.until(lambda: "w3" in world.source.held(), "armed")
    assert len(world.source.runners) == 2


async def test_k14_the_oldest_code_goes_when_there_is_too_much_of_it(start: Start):
    """K14: so that many changes don't make many processes."""
    world = await start(max_draining=1)
    for number in (1, 2, 3):
        world.control.defer(f"w{number}")
        await world.until(lambda: f"w{number}" in world.source.held(), "armed")  # noqa: B023
        world.source.holder(f"w{number}").leaves_to_others = "helper.py has changed"
    await world.until(
        lambda: len(world.source.alive) == 2 and len(world.source.held()) == 3, "the first one's trigger has moved"
    )
    assert world.source.holder("w1") is world.source.holder("w3")
    assert world.source.runners[0].dropped == ["w1"]
