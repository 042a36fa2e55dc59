"""Waits that are leased by the commit that makes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bide.engine.triggerer.claim_along import ClaimAlong
from bide.store import Store, sessions
from bide.store.schema import wait
from bide.wire.messages import WaitSpec
from tests.support.stores import ON_POSTGRESQL
from tests.support.waiting_tasks import WaitingTasks

pytestmark = pytest.mark.usefixtures("no_blocking")


@pytest.fixture
async def tasks(store: Store, tmp_path: Path) -> WaitingTasks:
    return await WaitingTasks.prepare(store, tmp_path)


def poll(group: str | None = None, queue: str = "default") -> WaitSpec:
    return WaitSpec("poll", "triggers.Poll", b"{}", interval=60.0, group_key=group, queue=queue)


def along(store: Store, tasks: WaitingTasks, room: int, **fields: Any) -> ClaimAlong:
    made = ClaimAlong(tasks.session, logs=tasks.logs, **fields)
    made.offer(room, at_most=100)
    store.follow(made)
    return made


async def leased(store: Store) -> dict[str, tuple[str | None, int]]:
    """Session and token of each wait, by queue."""
    query = sa.select(wait.c.queue, wait.c.session, wait.c.token)
    rows = await store.read(lambda tx: tx.conn.execute(query).all())
    return {queue: (session, token) for queue, session, token in rows}


async def test_a_wait_is_leased_at_once_and_nobody_is_rung(store: Store, tasks: WaitingTasks) -> None:
    leases = along(store, tasks, 5)
    rung = store.bell.listen("waits")
    (uid,) = await tasks.defer(poll())
    await leases.brought.wait()
    (load,) = leases.take()
    assert (load.wait_id, load.token, load.epoch > 0) == (uid, 1, True)
    assert await leased(store) == {"default": (tasks.session, 1)}
    assert not await rung.wait(0)


async def test_what_is_under_way_takes_room_until_it_is_armed(store: Store, tasks: WaitingTasks) -> None:
    leases = along(store, tasks, 2)
    rung = store.bell.listen("waits")
    await tasks.defer(poll(), poll(), poll())
    assert await rung.wait(10), "one is left for later"
    assert leases.under_way == 2
    assert len(leases.take()) == 2
    leases.offer(2, at_most=100)
    await tasks.defer(poll(), dag_id="more")
    assert leases.take() == []
    leases.armed(2)
    leases.offer(2, at_most=100)
    await tasks.defer(poll(), dag_id="most")
    await leases.brought.wait()
    assert len(leases.take()) == 2
    assert leases.under_way == 2


async def test_waits_of_other_queues_are_left_and_rung_for(store: Store, tasks: WaitingTasks) -> None:
    leases = along(store, tasks, 5, queues=["gpu"])
    rung = store.bell.listen("waits")
    await tasks.defer(poll(), poll(queue="gpu"))
    if store.is_shared:
        assert await rung.wait(10), "somebody else may serve them"
    await leases.brought.wait()
    assert len(leases.take()) == 1
    assert await leased(store) == {"default": (None, 0), "gpu": (tasks.session, 1)}


async def test_a_closed_one_takes_nothing(store: Store, tasks: WaitingTasks) -> None:
    leases = along(store, tasks, 5)
    leases.close()
    leases.offer(5, at_most=5)
    rung = store.bell.listen("waits")
    await tasks.defer(poll())
    assert await rung.wait(10)
    assert leases.take() == []


@ON_POSTGRESQL
async def test_an_engine_that_has_lost_its_session_leases_nothing(store: Store, tasks: WaitingTasks) -> None:
    leases = along(store, tasks, 5)
    rung = store.bell.listen("waits")
    await tasks.defer(poll())
    leases.take()
    leases.armed(1)
    await store.write(lambda tx: sessions.end(tx, tasks.session))
    leases.offer(5, at_most=5)
    await store.write(lambda tx: tx.ring("waits"))
    assert await rung.wait(10)
    assert leases.take() == []
