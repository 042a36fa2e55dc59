"""External work is cancelled in a process of its own."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from triggerer_fakes import FakeRunner

Start = Callable[..., Any]


async def test_a_cancel_is_run_and_settled(start: Start):
    world = await start()
    world.control.cancel("o1")
    await world.until(lambda: bool(world.control.settled), "settled")
    assert world.control.settled == [("o1", "")]


async def test_cancels_do_not_share_a_process_with_triggers(start: Start):
    world = await start()
    world.control.defer("w1")
    await world.until(lambda: world.source.held() == {"w1"}, "armed")
    world.control.cancel("o1")
    world.control.cancel("o2")
    await world.until(lambda: len(world.control.settled) == 2, "settled")
    holder = world.source.holder("w1")
    (other,) = [runner for runner in world.source.runners if runner is not holder]
    assert sorted(other.cancelled) == ["o1", "o2"]
    assert holder.cancelled == []


async def test_an_error_of_on_kill_is_stored(start: Start):
    world = await start()
    world.source.prepare = lambda runner: setattr(runner, "on_kill_error", "HTTP 503")
    world.control.cancel("o1")
    await world.until(lambda: bool(world.control.settled), "settled")
    assert world.control.settled == [("o1", "HTTP 503")]


async def test_an_on_kill_that_never_ends_is_given_up(start: Start):
    world = await start(on_kill_timeout=0.05)
    world.source.prepare = lambda runner: setattr(runner, "on_kill_error", None)
    world.control.cancel("o1")
    await world.until(lambda: bool(world.control.settled), "settled")
    assert world.control.settled == [("o1", "on_kill() of triggers.Trigger did not end within 0.05 s")]
    (runner,) = world.source.runners
    await world.until(lambda: not runner.alive, "killed")


async def test_a_process_that_dies_of_an_on_kill_leaves_an_error_and_the_next_one_works(start: Start):
    world = await start()

    def die(runner: FakeRunner) -> None:
        runner.on_kill_error = None if not world.source.runners else ""

    world.source.prepare = die
    world.control.cancel("o1")
    await world.until(lambda: bool(world.source.runners) and bool(world.source.runners[0].cancelled), "asked")
    world.source.runners[0].die(signal.SIGABRT)
    await world.until(lambda: bool(world.control.settled), "settled")
    assert world.control.settled == [("o1", "the process ended while it ran on_kill() of triggers.Trigger")]
    world.control.cancel("o2")
    await world.until(lambda: len(world.control.settled) == 2, "settled")
    assert world.control.settled[1] == ("o2", "")
