"""PostgreSQL as a store: its schema, its clock, its bell, and what becomes of writes while the server is away."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from bide.model.errors import StoreError, StoreUnavailable
from bide.observe.clock import SystemClock
from bide.store import Store, Tx, postgresql, sessions
from bide.store.migrate import replay, schema_state, upgrade
from bide.store.schema import log, mark
from tests.support.clock import HeldClock
from tests.support.postgres import PostgresServer, start_server

pytestmark = pytest.mark.usefixtures("no_blocking")


def note(text: str) -> Callable[[Tx], str]:
    """A transaction that writes one row and answers its text."""

    def work(tx: Tx) -> str:
        sessions.audit(tx, text, owner="test")
        return text

    return work


async def notes(store: Store) -> list[str]:
    return await store.read(lambda tx: list(tx.conn.execute(sa.select(log.c.event).order_by(log.c.id)).scalars()))


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    store = await asyncio.to_thread(Store.open, url, SystemClock())
    try:
        yield store
    finally:
        await store.close()


# --- schema


@pytest.fixture
def bare_url(postgres: PostgresServer) -> Iterator[str]:
    """A database without a schema."""
    url = postgres.make()
    yield url
    postgres.drop(url)


def schema_of(server: PostgresServer, url: str) -> dict[str, list[tuple[object, ...]]]:
    """Every column, index and constraint, as the database tells them."""
    queries = {
        "columns": "SELECT table_name, column_name, data_type, is_nullable, column_default FROM "
        "information_schema.columns WHERE table_schema = 'public' AND table_name != 'alembic_version' "
        "ORDER BY 1, 2",
        "indexes": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename != 'alembic_version' "
        "ORDER BY 1",
        "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text != 'alembic_version' "
        "ORDER BY 1, 2",
    }
    with server.connect(url) as conn:
        return {name: conn.execute(query.encode()).fetchall() for name, query in queries.items()}


async def test_migrations_make_the_schema_that_is_declared(
    postgres: PostgresServer, bare_url: str, postgres_store: str
) -> None:
    async with opened(bare_url) as store:
        await asyncio.to_thread(replay, store)
        assert schema_state(store).is_current
    made = await asyncio.to_thread(schema_of, postgres, bare_url)
    assert made == await asyncio.to_thread(schema_of, postgres, postgres_store)
    partial = [row[0] for row in made["indexes"] if "WHERE" in str(row[0])]
    assert len(partial) >= 12, "indexes follow the work at hand here too"


async def test_several_processes_start_on_a_new_database(bare_url: str) -> None:
    stores = [await asyncio.to_thread(Store.open, bare_url, HeldClock()) for _ in range(4)]
    await asyncio.gather(*(asyncio.to_thread(upgrade, one) for one in stores))
    assert all(schema_state(one).is_current for one in stores)
    for one in stores:
        await one.close()


# --- clock and bell


async def test_the_servers_clock_counts(postgres_url: str) -> None:
    slow = HeldClock()
    store = await asyncio.to_thread(Store.open, postgres_url, slow)
    told, servers = await store.write(lambda tx: (tx.now, tx.conn.execute(sa.text("SELECT now()")).scalar_one()))
    assert told == servers > slow.now() + timedelta(days=30)
    assert abs(store.clock.now() - servers) < timedelta(seconds=30)
    await store.close()


async def test_a_commit_rings_in_other_processes(postgres_url: str) -> None:
    async with opened(postgres_url) as one, opened(postgres_url) as other:
        one.hear()
        other.hear()
        here, there = one.bell.listen("marks"), other.bell.listen("marks")
        quiet = other.bell.listen("waits")

        def work(tx: Tx) -> None:
            tx.conn.execute(sa.insert(mark), {"run_uid": "r", "task_id": "t", "map_index": -1})
            tx.ring("marks")

        # The first connection is being made meanwhile; what rings before is lost, which costs nothing but time.
        async with asyncio.timeout(20):
            while not await there.wait(0.5):
                await one.write(work)
        assert await here.wait(0)
        assert not await quiet.wait(0)


# --- a server that goes away


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A server that a test may stop; what it has committed is on the disk."""
    server = start_server(durable=True)
    yield server
    server.remove()


async def migrated(server: PostgresServer) -> Store:
    url = await asyncio.to_thread(server.make)
    store = await asyncio.to_thread(Store.open, url, SystemClock())
    await asyncio.to_thread(upgrade, store)
    return store


async def restart(server: PostgresServer, how: signal.Signals) -> None:
    await asyncio.to_thread(server.stop, how)
    await asyncio.to_thread(server.start)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
async def test_a_restart_loses_nothing_and_writes_nothing_twice(
    own_server: PostgresServer, how: signal.Signals
) -> None:
    store = await migrated(own_server)
    done: list[str] = []
    stop = asyncio.Event()

    async def go_on_writing(writer: int) -> None:
        for number in range(100_000):
            if stop.is_set():
                return
            name = f"{writer}-{number}"
            while True:
                try:
                    done.append(await store.write(note(name)))
                    break
                except StoreUnavailable:
                    continue

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for writer in range(8):
            group.create_task(go_on_writing(writer))
        for _ in range(3):
            seen = len(done)
            await restart(own_server, how)
            while len(done) < seen + 50:
                await asyncio.sleep(0)
        stop.set()
    stored = await notes(store)
    assert len(set(stored)) == len(stored), "something is there twice"
    assert set(stored) == set(done)
    await store.close()


@pytest.mark.parametrize("after", [True, False], ids=["it was stored", "it was not"])
async def test_a_commit_whose_answer_is_lost_is_done_once(
    postgres_url: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is cut while COMMIT is under way: `after` the server has done it, or before it knows of it."""
    really_send = postgresql.send
    cut: list[bytes] = []

    def send(connection: psycopg.Connection[Any], commands: bytes) -> object:
        if cut or not commands.endswith(b"COMMIT"):
            return really_send(connection, commands)
        cut.append(commands)
        if after:
            really_send(connection, commands)
        connection.close()
        return really_send(connection, commands)

    async with opened(postgres_url) as store:
        monkeypatch.setattr(postgresql, "send", send)
        assert await store.write(note("one")) == "one"
        assert len(cut) == 1
        assert await notes(store) == ["one"]


async def test_a_server_that_stays_away_is_told_and_comes_back(own_server: PostgresServer) -> None:
    store = await migrated(own_server)
    await asyncio.to_thread(own_server.stop)
    async with asyncio.timeout(30):
        with pytest.raises(StoreUnavailable, match="the server can't be reached"):
            await store.write(note("early"))
        with pytest.raises(StoreUnavailable, match="the server can't be reached"):
            await notes(store)
    await asyncio.to_thread(own_server.start)
    await store.write(note("late"))
    assert await notes(store) == ["late"]
    await store.close()


async def test_a_store_can_be_closed_while_the_server_is_away(own_server: PostgresServer) -> None:
    store = await migrated(own_server)
    store.hear()
    await asyncio.to_thread(own_server.stop)
    asked = asyncio.create_task(store.write(note("never")))
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await store.close()
        with pytest.raises(StoreError):
            await asked


# --- transactions that meet


async def test_transactions_that_block_each_other_are_both_done(postgres_url: str) -> None:
    async with opened(postgres_url) as store:
        await store.write(
            lambda tx: tx.conn.execute(
                sa.insert(mark), [{"id": n, "run_uid": "r", "task_id": "t", "map_index": -1} for n in (1, 2)]
            )
        )
        met = threading.Barrier(2)
        runs = 0

        def take(*order: int) -> Callable[[Tx], None]:
            def work(tx: Tx) -> None:
                nonlocal runs
                runs += 1
                for number in order:
                    tx.conn.execute(sa.update(mark).where(mark.c.id == number).values(task_id=mark.c.task_id + "x"))
                    if runs <= 2 and number == order[0]:
                        met.wait(10)

            return work

        await asyncio.gather(store.write(take(1, 2)), store.write(take(2, 1)))
        assert runs == 3, "one of them was ended by the server, and run again"
        rows = await store.read(lambda tx: list(tx.conn.execute(sa.select(mark.c.task_id)).scalars()))
        assert rows == ["txx", "txx"]


async def test_who_stops_in_the_middle_of_a_transaction_holds_up_others_for_seconds(
    postgres: PostgresServer, postgres_url: str
) -> None:
    async with opened(postgres_url) as store:
        await store.write(
            lambda tx: tx.conn.execute(sa.insert(mark), {"id": 1, "run_uid": "r", "task_id": "t", "map_index": -1})
        )
        holding, go_on = threading.Event(), threading.Event()

        def touch(tx: Tx) -> None:
            tx.conn.execute(sa.update(mark).values(task_id="late"))
            holding.set()
            go_on.wait(60)

        stopped = asyncio.create_task(store.write(touch))
        await asyncio.to_thread(holding.wait, 10)
        async with asyncio.timeout(30):
            await store.write(lambda tx: tx.conn.execute(sa.update(mark).values(task_id="soon")))
        go_on.set()
        await stopped  # its connection was cut: it is run again
        (name,) = await store.read(lambda tx: list(tx.conn.execute(sa.select(mark.c.task_id)).scalars()))
        assert name == "late"


async def test_it_is_known_when_the_server_was_away(own_server: PostgresServer) -> None:
    """Even if nothing failed by it: who writes seldom is told by the bell's connection."""
    store = await migrated(own_server)
    writing, hearing = (
        store,
        await asyncio.to_thread(Store.open, store.database.engine.url.render_as_string(), SystemClock()),
    )
    hearing.hear()
    assert (writing.away_at, hearing.away_at) == (float("-inf"), float("-inf"))
    await restart(own_server, signal.SIGQUIT)
    assert await writing.write(note("after")) == "after"
    assert writing.away_at > 0
    async with asyncio.timeout(20):
        while hearing.away_at < 0:
            await asyncio.sleep(0.01)
    await writing.close()
    await hearing.close()
