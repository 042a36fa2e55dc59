"""Events of streams: the runner is told what became of them, and holds their waits until then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bide.wire.messages import TriggerEnded
from bide.wire.stream_messages import EventsStored, MessageKey, SaveCheckpoint

Start = Callable[..., Any]

TAKEN = MessageKey("jobs", "1")


async def test_k18_the_runner_is_told_only_when_its_event_is_stored(start: Start):
    """K18"""
    world = await start()
    world.control.defer("w1", "w2")
    await world.until(lambda: world.source.held() == {"w1", "w2"}, "armed")
    runner = world.source.holder("w1")
    world.control.may_write.clear()
    runner.offer("w1", b'"found"')
    await world.until(lambda: world.triggerer._endings.pending == 1, "on its way to the store")
    assert runner.stored == []
    assert set(world.triggerer._fleet.held()) == {"w1", "w2"}, "it is held until then"
    world.control.may_write.set()
    await world.until(lambda: bool(runner.stored), "told")
    assert runner.stored == [EventsStored(accepted=("w1",))]
    assert world.control.accepted["w1"].outcome.payload == b'"found"'
    assert set(world.triggerer._fleet.held()) == {"w2"}


async def test_a_wait_that_is_over_is_refused_and_dropped(start: Start):
    world = await start()
    world.control.defer("w1")
    await world.until(lambda: world.source.held() == {"w1"}, "armed")
    runner = world.source.holder("w1")
    del world.control.waits["w1"]
    runner.offer("w1")
    await world.until(lambda: bool(runner.stored), "told")
    assert runner.stored == [EventsStored(refused=("w1",))]
    world.bell.ring("drops")
    await world.until(lambda: runner.dropped == ["w1"], "dropped")


async def test_k18_a_wait_whose_message_was_taken_goes_on(start: Start):
    """K18"""
    world = await start()
    world.control.messages_taken.add(TAKEN)
    world.control.defer("w1")
    await world.until(lambda: world.source.held() == {"w1"}, "armed")
    runner = world.source.holder("w1")
    runner.offer("w1", b"1", TAKEN)
    await world.until(lambda: bool(runner.stored), "told")
    assert runner.stored == [EventsStored(duplicates=("w1",))]
    runner.offer("w1", b"2", MessageKey("jobs", "2"))
    await world.until(lambda: "w1" in world.control.accepted, "accepted")
    assert world.control.accepted["w1"].outcome.payload == b"2"


async def test_an_event_under_an_old_lease_is_refused_at_once(start: Start):
    world = await start()
    world.control.defer("w1", "w2")
    await world.until(lambda: world.source.held() == {"w1", "w2"}, "armed")
    runner = world.source.holder("w1")
    world.control.end_from_outside("w1")
    await world.until(lambda: runner.dropped == ["w1"], "dropped")
    runner.send(TriggerEnded("w1", 1, asks=True))
    await world.until(lambda: bool(runner.stored), "told")
    assert runner.stored == [EventsStored(refused=("w1",))]
    assert world.control.refused == []


async def test_how_far_a_stream_was_read_is_stored(start: Start):
    world = await start()
    world.control.defer("w1")
    await world.until(lambda: world.source.held() == {"w1"}, "armed")
    order = SaveCheckpoint("group", b"7", 100.0, 1)
    world.control.outages = 2
    world.source.holder("w1").send(order)
    await world.until(lambda: world.control.checkpoints == [order], "stored, after an outage")
