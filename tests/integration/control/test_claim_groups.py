"""Claims of waits that share their looks, and of queues."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update

from bide.engine.triggerer import StoreControl
from bide.store import Store, sessions
from bide.store.schema import wait
from bide.wire.messages import WaitSpec
from tests.support.waiting_tasks import WaitingTasks


@pytest.fixture
async def tasks(store: Store, tmp_path: Path) -> WaitingTasks:
    return await WaitingTasks.prepare(store, tmp_path)


def poll(group: str | None = None, queue: str = "default") -> WaitSpec:
    return WaitSpec("poll", "triggers.Poll", b"{}", interval=60.0, group_key=group, queue=queue)


async def _other(store: Store, tasks: WaitingTasks, queues: list[str] | None = None) -> StoreControl:
    session = await store.write(lambda tx: sessions.begin(tx, kind="test", hostname="there", pid=2))
    return StoreControl(store, session, logs=tasks.logs, queues=queues)


async def test_k20_waits_of_one_group_go_to_one_engine(store: Store, tasks: WaitingTasks):
    """K20"""
    await tasks.defer(*[poll("g") for _ in range(5)], poll("h"), poll())
    first, second = tasks.control(), await _other(store, tasks)
    claimed = await first.claim_waits(2)
    assert [load.group_key for load in claimed] == ["g", "g"]
    assert sorted(str(load.group_key) for load in await second.claim_waits(100)) == ["None", "h"]
    assert [load.group_key for load in await first.claim_waits(100)] == ["g"] * 3
    assert await second.claim_waits(100) == []


async def test_a_group_whose_engine_is_gone_goes_to_another(store: Store, tasks: WaitingTasks):
    await tasks.defer(*[poll("g") for _ in range(3)])
    first, second = tasks.control(), await _other(store, tasks)
    await first.claim_waits(2)
    assert await second.claim_waits(10) == []
    await first.release_waits()
    assert len(await second.claim_waits(10)) == 3


async def test_a_group_that_two_engines_hold_parts_of_is_not_stuck(store: Store, tasks: WaitingTasks):
    """Where claims run beside each other, two engines may begin with the same group."""
    waits = await tasks.defer(*[poll("g") for _ in range(4)])
    first, second = tasks.control(), await _other(store, tasks)
    (one, two) = await first.claim_waits(2)
    await first.release_waits([two.wait_id])
    await first.release_waits([one.wait_id])
    await second.claim_waits(1)
    left = [uid for uid in waits if uid not in await second.held_waits()]
    await store.write(
        lambda tx: tx.conn.execute(update(wait).where(wait.c.uid == left[0]).values(session=tasks.session))
    )
    assert len(await first.claim_waits(10)) == 2


async def test_k27_only_waits_of_the_queues_that_are_served_are_claimed(store: Store, tasks: WaitingTasks):
    """K27"""
    await tasks.defer(poll(), poll(queue="gpu"), poll(queue="slow"))
    assert len(await (await _other(store, tasks, ["gpu"])).claim_waits(10)) == 1
    assert len(await (await _other(store, tasks, ["default", "gpu"])).claim_waits(10)) == 1
    assert len(await tasks.control().claim_waits(10)) == 1
