"""The triggerer on a real store, with a scripted runner."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from tests.support.waiting_tasks import WaitingTasks

from bide.control.cancel_run import cancel_run
from bide.store import Store
from bide.wire.messages import TriggerEnded, WaitSpec

Start = Callable[..., Any]

STREAM = WaitSpec("stream", "triggers.Trigger", b"{}")
KILLABLE = WaitSpec("stream", "triggers.Trigger", b"{}", has_on_kill=True)


async def _until_state(store: Store, tasks: WaitingTasks, wanted: dict[str, str]) -> None:
    history = store.bell.listen("history", "scheduled", "marks")
    while await tasks.states() != wanted:
        assert await history.wait(10.0), f"not within 10 s: {wanted}; it is {await tasks.states()}"


async def test_an_event_puts_its_task_back_in_line(serve: Start, store: Store, tasks: WaitingTasks):
    world = await serve()
    (wait_id,) = await tasks.defer(STREAM)
    await world.until(lambda: world.source.held() == {wait_id}, "armed")
    load = world.source.holder(wait_id).armed[wait_id]
    assert (load.dag_folder, load.instance.task_id, load.classpath) == (str(tasks.folder), "t0", "triggers.Trigger")
    world.source.holder(wait_id).end(wait_id)
    await _until_state(store, tasks, {"t0": "scheduled"})
    assert await tasks.history("t0") == ["scheduled", "queued", "running", "deferred", "scheduled"]
    assert await tasks.leases() == []


async def test_a_trigger_that_fails_fails_its_task(serve: Start, store: Store, tasks: WaitingTasks):
    world = await serve()
    (wait_id,) = await tasks.defer(STREAM)
    await world.until(lambda: world.source.held() == {wait_id}, "armed")
    world.source.holder(wait_id).end(wait_id, error="ValueError: no such file")
    await _until_state(store, tasks, {"t0": "failed"})


async def test_k22_a_dead_runner_makes_the_old_token_worthless(serve: Start, store: Store, tasks: WaitingTasks):
    """K22"""
    world = await serve()
    (wait_id,) = await tasks.defer(STREAM)
    await world.until(lambda: world.source.held() == {wait_id}, "armed")
    first = world.source.holder(wait_id)
    first.die(signal.SIGKILL)
    await world.until(lambda: len(world.source.runners) == 2 and world.source.held() == {wait_id}, "armed again")
    second = world.source.holder(wait_id)
    assert second.armed[wait_id].token == first.armed[wait_id].token + 2
    second.send(TriggerEnded(wait_id, first.armed[wait_id].token, error="an echo"))
    second.end(wait_id)
    await _until_state(store, tasks, {"t0": "scheduled"})


async def test_k01_a_cancelled_run_drops_its_triggers_and_cancels_external_work(
    serve: Start, store: Store, tasks: WaitingTasks
):
    """K01"""
    world = await serve()
    waits = await tasks.defer(KILLABLE, KILLABLE)
    await world.until(lambda: world.source.held() == set(waits), "armed")
    runner = world.source.holder(waits[0])
    await cancel_run(store, "waits", await tasks.run_id(), by="test")
    await world.until(lambda: sorted(runner.dropped) == sorted(waits), "dropped")
    await world.until(lambda: sum(len(one.cancelled) for one in world.source.runners) == 2, "on_kill() was run")
    assert runner.cancelled == []


async def test_stopping_leaves_waits_that_the_next_engine_can_claim(
    serve: Start, store: Store, tasks: WaitingTasks
):
    world = await serve()
    waits = await tasks.defer(STREAM, STREAM, STREAM)
    await world.until(lambda: world.source.held() == set(waits), "armed")
    await world.triggerer.stop(grace=5.0)
    assert [session for session, _ in await tasks.leases()] == [None] * 3
    assert set((await tasks.states()).values()) == {"deferred"}
