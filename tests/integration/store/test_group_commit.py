"""One writer, many transactions, one commit: what each caller is told when something goes wrong."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
import sqlalchemy.event
import sqlalchemy.exc

from bide.model.errors import NotFound, StoreDamaged, StoreError, StoreUnavailable
from bide.store import Store, Tx, sessions
from bide.store.schema import log
from tests.support.clock import HeldClock
from tests.support.stores import ON_SQLITE

pytestmark = [pytest.mark.usefixtures("no_blocking"), ON_SQLITE]


def note(text: str, *, extra: str = "") -> Callable[[Tx], str]:
    """A transaction that writes one row and answers its text."""

    def work(tx: Tx) -> str:
        sessions.audit(tx, text, owner="test", extra=extra)
        return text

    return work


async def notes(store: Store) -> list[str]:
    return await store.read(lambda tx: list(tx.conn.execute(sa.select(log.c.event).order_by(log.c.id)).scalars()))


class GateOpenedError(Exception):
    """The writer goes on."""


class Gate:
    """Holds the writer's thread in a transaction, so that what is asked meanwhile becomes one group."""

    def __init__(self, store: Store) -> None:
        self._open = threading.Event()
        self._entered = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._held = asyncio.create_task(store.write(self._wait))

    def _wait(self, _tx: Tx) -> None:
        self._loop.call_soon_threadsafe(self._entered.set)
        assert self._open.wait(10)
        raise GateOpenedError  # so that its own transaction ends without what has come meanwhile

    async def gather(self, store: Store, *works: Callable[[Tx], object]) -> list[object]:
        """Ask for all `works` while the writer is held, then let it go."""
        await self._entered.wait()
        asked = [asyncio.create_task(store.write(work)) for work in works]
        await asyncio.sleep(0)
        self._open.set()
        with pytest.raises(GateOpenedError):
            await self._held
        return await asyncio.gather(*asked, return_exceptions=True)


async def in_one_group(store: Store, *works: Callable[[Tx], object]) -> list[object]:
    return await Gate(store).gather(store, *works)


def commits(store: Store) -> list[str]:
    """Notes every commit of `store` from now on."""
    seen: list[str] = []
    sqlalchemy.event.listen(store.engine, "commit", lambda _conn: seen.append("commit"))
    return seen


async def reconnect(store: Store) -> None:
    """Let the next transactions have connections of their own; an error costs the writer the one that it keeps."""

    def work(tx: Tx) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await store.write(work)
    store.engine.dispose()


async def limit_pages(store: Store, pages: int) -> None:
    """Let the store's file grow to so many pages and no further: what a full disk looks like to SQLite."""

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    sqlalchemy.event.listen(store.engine, "connect", limit)
    await reconnect(store)


async def page_count(store: Store) -> int:
    return await store.read(lambda tx: tx.conn.exec_driver_sql("PRAGMA page_count").scalar_one())


# --- in good order


async def test_the_answer_comes_after_the_commit(store: Store, store_path: Path) -> None:
    assert await store.write(note("one")) == "one"
    with sqlite3.connect(store_path) as other:
        assert other.execute("SELECT event FROM log").fetchall() == [("one",)]
    other.close()


async def test_what_is_asked_together_is_committed_together(store: Store) -> None:
    seen = commits(store)
    answers = await in_one_group(store, *(note(f"n{number}") for number in range(50)))
    assert answers == [f"n{number}" for number in range(50)]
    assert len(seen) == 1
    assert await notes(store) == answers


async def test_what_is_asked_while_one_is_written_shares_its_commit(store: Store) -> None:
    loop, entered, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def hold(tx: Tx) -> str:
        loop.call_soon_threadsafe(entered.set)
        assert go_on.wait(10)
        return note("first")(tx)

    seen = commits(store)
    first = asyncio.create_task(store.write(hold))
    await entered.wait()
    second = asyncio.create_task(store.write(note("second")))
    await asyncio.sleep(0)
    go_on.set()
    assert await asyncio.gather(first, second) == ["first", "second"]
    assert len(seen) == 1
    assert await notes(store) == ["first", "second"]


async def test_a_group_has_a_limit_and_the_order_is_kept(store: Store) -> None:
    seen = commits(store)
    answers = await in_one_group(store, *(note(f"n{number:03}") for number in range(300)))
    assert len(seen) == 3
    assert await notes(store) == answers


async def test_transactions_of_a_group_see_those_before_them(store: Store) -> None:
    def count(tx: Tx) -> int:
        return tx.conn.execute(sa.select(sa.func.count()).select_from(log)).scalar_one()

    answers = await in_one_group(store, count, note("a"), count, note("b"), count)
    assert answers == [0, "a", 1, "b", 2]


async def test_reads_go_on_beside_a_long_transaction(store: Store) -> None:
    await store.write(note("before"))
    release = threading.Event()
    held = asyncio.create_task(store.write(lambda _tx: release.wait(10)))
    assert await notes(store) == ["before"]
    release.set()
    await held


async def test_a_closed_store_finishes_what_was_asked_and_refuses_more(store: Store, store_path: Path) -> None:
    asked = [asyncio.create_task(store.write(note(f"n{number}"))) for number in range(20)]
    await asyncio.sleep(0)
    await store.close()
    assert await asyncio.gather(*asked) == [f"n{number}" for number in range(20)]
    with pytest.raises(StoreError, match=r"store sqlite.*bide\.db is closed"):
        await store.write(note("late"))
    await store.close()


async def test_who_stopped_waiting_does_not_disturb_the_others(store: Store) -> None:
    gate = Gate(store)
    impatient = asyncio.create_task(store.write(note("impatient")))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await gate.gather(store, note("patient")) == ["patient"]
    with pytest.raises(asyncio.CancelledError):
        await impatient
    assert await notes(store) == ["impatient", "patient"], "what was asked is done all the same"


# --- one transaction fails


async def test_one_that_raises_is_undone_and_leaves_the_others(store: Store) -> None:
    def fail(tx: Tx) -> None:
        note("never")(tx)
        raise NotFound("no such thing")

    answers = await in_one_group(store, note("a"), fail, note("b"))
    assert isinstance(answers[1], NotFound)
    assert (answers[0], answers[2]) == ("a", "b")
    assert await notes(store) == ["a", "b"]


BAD_STATEMENTS: dict[str, Callable[[Tx], object]] = {
    "constraint": lambda tx: tx.conn.exec_driver_sql("INSERT INTO wait (uid) VALUES ('x')"),
    "foreign key": lambda tx: tx.conn.exec_driver_sql(
        "INSERT INTO resume (instance_uid, method, kwargs, event) VALUES ('x', 'm', x'', x'')"
    ),
    "no such table": lambda tx: tx.conn.exec_driver_sql("SELECT * FROM nothing"),
    "syntax": lambda tx: tx.conn.exec_driver_sql("SELEKT 1"),
    "too many variables": lambda tx: tx.conn.exec_driver_sql(
        f"SELECT 1 WHERE 1 IN ({','.join('?' * 300_000)})", tuple(range(300_000))
    ),
    "too large a value": lambda tx: tx.conn.exec_driver_sql("SELECT zeroblob(2000000000)"),
    "a type that can't be bound": lambda tx: tx.conn.exec_driver_sql("SELECT ?", (object(),)),
}


@pytest.mark.parametrize("bad", BAD_STATEMENTS.values(), ids=BAD_STATEMENTS)
async def test_one_whose_statement_is_wrong_is_undone_and_leaves_the_others(
    store: Store, bad: Callable[[Tx], object]
) -> None:
    def fail(tx: Tx) -> None:
        note("never")(tx)
        bad(tx)

    answers = await in_one_group(store, note("a"), fail, note("b"))
    assert (answers[0], answers[2]) == ("a", "b")
    assert isinstance(answers[1], StoreError)
    assert not isinstance(answers[1], StoreUnavailable), "trying again would not help"
    assert isinstance(answers[1].__cause__, sqlalchemy.exc.DBAPIError)
    assert await notes(store) == ["a", "b"]


async def test_only_what_is_durable_rings(store: Store) -> None:
    def fail(tx: Tx) -> None:
        tx.ring("runs")
        raise NotFound("x")

    runs, marks = store.bell.listen("runs"), store.bell.listen("marks")
    await in_one_group(store, fail, lambda tx: tx.ring("marks"))
    assert await marks.wait(0)
    assert not await runs.wait(0)


# --- the store itself fails


async def test_a_full_disk_is_told_to_everyone_of_the_group_and_nothing_is_stored(store: Store) -> None:
    await store.write(note("before"))
    await limit_pages(store, await page_count(store) + 10)
    marks = store.bell.listen("marks")

    def ringing(tx: Tx) -> None:
        note("a")(tx)
        tx.ring("marks")

    answers = await in_one_group(store, ringing, note("big", extra="x" * 1_000_000), note("b"))
    for one in answers:
        assert isinstance(one, StoreUnavailable)
        assert "disk is full" in str(one)
    assert len({id(one) for one in answers}) == 3, "each gets an error of its own"
    assert await notes(store) == ["before"]
    assert not await marks.wait(0)


async def test_a_disk_with_room_again_serves_again(store: Store) -> None:
    await limit_pages(store, await page_count(store) + 10)
    with pytest.raises(StoreUnavailable):
        await store.write(note("big", extra="x" * 1_000_000))
    assert await store.write(note("small")) == "small"
    await limit_pages(store, 1_000_000)
    assert await store.write(note("big", extra="x" * 1_000_000)) == "big"
    assert await notes(store) == ["small", "big"]


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_write_that_the_system_refuses(store: Store) -> None:
    await store.write(note("before"))
    with file_size_limit(2_000_000):
        # Larger than SQLite's cache, so that it is written before the commit; and one that is written at it.
        for size in (40_000_000, 4_000_000):
            answers = await in_one_group(store, note("a"), note("big", extra="x" * size), note("b"))
            for one in answers:
                assert isinstance(one, StoreUnavailable), one
                assert "disk" in str(one)
    assert await notes(store) == ["before"]
    assert await store.write(note("after")) == "after"


async def test_a_lock_of_another_process_is_named_after_a_while(
    store: Store, store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hurry(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA busy_timeout = 50")

    sqlalchemy.event.listen(store.engine, "connect", hurry)
    store.engine.dispose()
    other = sqlite3.connect(store_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="another process has locked it"):
        await store.write(note("locked out"))
    assert await notes(store) == [], "reading goes on"
    other.execute("ROLLBACK")
    other.close()
    assert await store.write(note("after")) == "after"


async def test_a_file_that_is_damaged_under_way(store: Store, store_path: Path) -> None:
    for number in range(50):
        await store.write(note(f"n{number}", extra="x" * 4_000))
    await store.write(lambda tx: None)
    await reconnect(store)
    content = bytearray(store_path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    store_path.write_bytes(bytes(content))
    store_path.with_name("bide.db-wal").unlink(missing_ok=True)
    with pytest.raises(StoreDamaged, match="restore a copy"):
        await store.read(lambda tx: tx.conn.execute(sa.select(log)).all())
    with pytest.raises(StoreDamaged, match="restore a copy"):
        await store.write(note("lost"))


# --- the clock


async def test_every_transaction_has_one_moment(store: Store, clock: HeldClock) -> None:
    def moments(tx: Tx) -> tuple[object, object]:
        before = tx.now
        clock.advance(1)
        return before, tx.now

    before, after = await store.write(moments)
    assert before == after
    assert await store.read(lambda tx: tx.now) == clock.now()
