"""Classes that block their loop, and the triggers beside them (K05, K02), with a scripted runner."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from triggerer_fakes import FakeRunner, names

Start = Callable[..., Any]


async def pings(world: Any, runner: FakeRunner, count: int) -> None:
    """Until `runner` was pinged `count` more times, which is at least as many ping intervals."""
    already = runner.pings
    await world.until(lambda: runner.pings >= already + count, "pinged")


async def test_k05_who_blocks_for_long_goes_to_quarantine_and_the_others_go_on(
    start: Start, caplog: pytest.LogCaptureFixture
):
    """K05, K02: at once, without suspecting any of the others."""
    caplog.set_level(logging.ERROR)
    world = await start(quarantine_after=0.1)
    world.control.defer("bad1", "w1", "w2", "bad2")
    await world.until(lambda: len(world.source.held()) == 4, "armed")
    (first,) = world.source.runners
    first.block("bad1")
    await world.until(
        lambda: not first.alive and world.source.held() == {"bad1", "w1", "w2", "bad2"}, "all are armed again"
    )
    apart, good = world.source.holder("bad1"), world.source.holder("w1")
    assert apart is not good
    assert world.source.holder("w2") is good
    assert world.source.holder("bad2") is apart
    assert apart.in_threads == {"bad1", "bad2"}
    assert good.in_threads == set()
    world.control.defer("bad3", "w3")
    await world.until(lambda: {"bad3", "w3"} <= world.source.held(), "later ones")
    assert world.source.holder("bad3") is apart
    assert world.source.holder("w3") is good
    assert "triggers of class triggers.Bad have blocked the event loop" in caplog.text


async def test_k05_what_blocks_in_quarantine_may_do_so(start: Start):
    """K05"""
    world = await start(quarantine_after=0.05, heartbeat=0.05)
    world.control.defer("bad1", "w1")
    await world.until(lambda: len(world.source.held()) == 2, "armed")
    world.source.holder("bad1").block("bad1")
    await world.until(lambda: len(world.source.runners) == 3 and len(world.source.held()) == 2, "moved")
    apart = world.source.holder("bad1")
    apart.block("bad1")
    await pings(world, world.source.holder("w1"), 40)
    assert apart.alive
    apart.come_back()
    apart.end("bad1")
    await world.until(lambda: "bad1" in world.control.accepted, "accepted")


async def test_k05_a_class_that_blocks_again_and_again_is_moved_without_a_kill(start: Start):
    """K05"""
    patient = {"quarantine_after": 600.0, "blocked_after": 0.01, "heartbeat": 600.0}
    world = await start(quarantine_total=0.15, spread_at=3, max_runners=2, **patient)
    world.control.defer("bad1", "w1", "bad2")
    await world.until(lambda: len(world.source.held()) == 3, "armed")
    (first,) = world.source.runners
    world.control.defer("other")
    await world.until(lambda: len(world.source.held()) == 4, "armed elsewhere")
    for _ in range(3):
        first.block("bad1")
        await pings(world, world.source.holder("other"), 10)
        first.come_back()
        await pings(world, first, 2)
    await world.until(lambda: len(world.source.runners) == 3 and len(world.source.held()) == 4, "moved")
    assert first.alive
    assert set(first.armed) == {"w1"}
    assert first.dropped == ["bad1", "bad2"], "cleaned up before they run elsewhere"
    assert world.source.holder("bad1").in_threads == {"bad1", "bad2"}


async def test_k02_without_a_name_the_usual_patience_applies(start: Start):
    """K02"""
    world = await start(quarantine_after=0.01, heartbeat=0.2)
    world.control.defer(*names(3))
    await world.until(lambda: len(world.source.held()) == 3, "armed")
    (first,) = world.source.runners
    first.stuck = True
    await world.until(lambda: not first.alive, "given up")
    await world.until(lambda: len(world.source.held()) == 3, "armed again")
    assert not world.source.runners[1].in_threads


async def test_handing_over_does_not_wait_for_the_slowest_cleanup(start: Start):
    """L019: what is cleaned up can be claimed by others while the rest still cleans up."""
    world = await start()
    world.control.defer("w1", "w2")
    await world.until(lambda: len(world.source.held()) == 2, "armed")
    (runner,) = world.source.runners
    runner.ignores_stop = True
    runner.on_stop = lambda: runner.say_dropped("w1")
    stopping = world.spawn(world.triggerer.stop(grace=600.0))
    await world.until(lambda: not world.control.waits["w1"].claimed, "w1 is free")
    assert world.control.waits["w2"].claimed
    assert not stopping.done()
    runner.die()
    await stopping
    assert not world.control.waits["w2"].claimed
