"""Heartbeats of engines that share a store, by the keeper of each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bide.control.keep_session import Loss
from bide.engine.keeper import SessionKeeper
from bide.model.errors import SessionLost
from bide.observe.clock import SystemClock
from bide.store import Store, sessions
from bide.store.schema import session as session_table
from tests.support.stores import ON_POSTGRESQL

pytestmark = [ON_POSTGRESQL, pytest.mark.usefixtures("no_blocking")]

#: Seconds between heartbeats here.
BEAT = 0.4
LOST_AFTER = 2.1 * BEAT


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    store = await asyncio.to_thread(Store.open, url, SystemClock())
    try:
        yield store
    finally:
        await store.close()


async def begin(store: Store) -> str:
    return await store.write(
        lambda tx: sessions.begin(tx, kind="engine", hostname="here", pid=1, lost_after=LOST_AFTER)
    )


@asynccontextmanager
async def keeping(store: Store) -> AsyncIterator[asyncio.Queue[Loss]]:
    """An engine that lives, and whom it finds lost."""
    losses: asyncio.Queue[Loss] = asyncio.Queue()
    keeper = SessionKeeper(store, await begin(store), heartbeat=BEAT, on_loss=losses.put_nowait)
    keeper.start()
    try:
        yield losses
        assert not keeper.lost.done()
    finally:
        await keeper.stop()


async def test_a_silent_one_is_found_and_told_when_it_comes_back(store_url: str) -> None:
    async with asyncio.timeout(60), opened(store_url) as store, keeping(store) as losses:
        silent = await begin(store)
        assert await losses.get() == Loss("engine", "here", 1, 0, 0)
        with pytest.raises(SessionLost):
            await store.write(lambda tx: sessions.hold(tx, silent))
        late = SessionKeeper(store, silent, heartbeat=BEAT)
        late.start()
        assert "others have taken over" in str(await late.lost)
        await late.stop()
        assert losses.empty()


async def test_the_silent_one_is_given_its_time(store_url: str) -> None:
    async with asyncio.timeout(60), opened(store_url) as store, keeping(store) as losses:
        began = store.clock.monotonic()
        await begin(store)
        await losses.get()
        assert store.clock.monotonic() - began >= LOST_AFTER


async def test_after_the_store_was_away_others_get_their_time_again(store_url: str) -> None:
    """Whoever is quicker to reach it again must not take the others for dead."""
    async with asyncio.timeout(60), opened(store_url) as store, keeping(store) as losses:
        await begin(store)
        await losses.get()
        # From now on it would end one that is silent at once.
        store.database.away_at = away = store.clock.monotonic()
        cut_off = await begin(store)
        old = sa.update(session_table).values(heartbeat_at=sa.func.now() - timedelta(hours=1))
        await store.write(lambda tx: tx.conn.execute(old.where(session_table.c.uid == cut_off)))
        await losses.get()
        assert store.clock.monotonic() - away >= LOST_AFTER
