"""Columns of users' values: plain to whoever asks the store, and never in the database's files."""

from __future__ import annotations

import asyncio
import traceback
from pathlib import Path

import pytest
import sqlalchemy as sa

from bide.model.errors import ConfigError, StoreError
from bide.model.sealed import HEADER
from bide.store import Keyring, Store, Tx
from bide.store.schema import task_state, wait
from tests.support.clock import HeldClock
from tests.support.hand_engine import HandEngine
from tests.support.sealed_values import COLUMNS, put_values, stored_values, values_of
from tests.support.stores import ON_SQLITE

SECRET = b'"s3cr3t-text"'


def names() -> list[str]:
    return [f"{table.name}.{column.name}" for table, column in COLUMNS]


@pytest.mark.parametrize("name", names())
async def test_a_value_is_plain_here_and_sealed_there(engine: HandEngine, name: str) -> None:
    await put_values(engine, 2, SECRET)
    column = next(column for table, column in COLUMNS if f"{table.name}.{column.name}" == name)
    assert await values_of(engine.store, column) == [SECRET, SECRET]
    stored = (await stored_values(engine.store))[name]
    assert len(stored) == 2
    assert all(value.startswith(engine.store.keys.sealing_header) for value in stored)
    assert all(SECRET not in value and len(value) > HEADER + len(SECRET) for value in stored)


@ON_SQLITE
async def test_no_file_of_the_store_has_it(engine: HandEngine, store_path: Path) -> None:
    await put_values(engine, 20, SECRET)
    before = {path.name: path.read_bytes() for path in store_path.parent.glob("bide.db*")}
    assert "bide.db-wal" in before
    await engine.store.write(lambda tx: tx.conn.execute(sa.delete(wait)))
    await engine.store.close()
    after = {path.name: path.read_bytes() for path in store_path.parent.glob("bide.db*")}
    for files in (before, after):
        assert b"some.Trigger" in b"".join(files.values())
        assert all(b"s3cr3t-text" not in data for data in files.values())


async def test_a_value_that_is_changed_or_deleted_with_an_answer_is_opened_too(engine: HandEngine) -> None:
    await put_values(engine, 1, SECRET)

    def change(tx: Tx) -> list[bytes]:
        changed = tx.conn.execute(sa.update(task_state).values(value=b'"other"').returning(task_state.c.value))
        deleted = tx.conn.execute(sa.delete(wait).returning(wait.c.kwargs))
        return [*changed.scalars(), *deleted.scalars()]

    assert await engine.store.write(change) == [b'"other"', SECRET]
    (stored,) = (await stored_values(engine.store))["task_state.value"]
    assert stored.startswith(engine.store.keys.sealing_header)


async def test_nothing_is_still_nothing(engine: HandEngine) -> None:
    await put_values(engine, 1, b"{}")
    await engine.store.write(lambda tx: tx.conn.execute(sa.update(wait).values(outcome=None)))
    stored = await stored_values(engine.store)
    assert stored["wait.outcome"] == []
    assert stored["wait.kwargs"] == [b"\x00{}"]
    assert await values_of(engine.store, wait.c.kwargs) == [b"{}"]
    assert await values_of(engine.store, wait.c.outcome) == [None]


async def test_values_of_a_store_from_before_are_read(store: Store, engine: HandEngine) -> None:
    await put_values(engine, 1, SECRET)
    await store.write(
        lambda tx: tx.conn.execute(sa.text("UPDATE wait SET kwargs = :value"), {"value": b'{"old": 1}'})
    )
    assert await values_of(store, wait.c.kwargs) == [b'{"old": 1}']


class NoKeys:
    """A key file that can't be used."""

    def load(self) -> list[str]:
        raise ConfigError("the key file /keys can't be used: Permission denied")

    def reload(self) -> list[str]:
        return []


async def test_keys_that_can_not_be_used_are_told_without_the_value(
    engine: HandEngine, store_path: Path, clock: HeldClock
) -> None:
    await put_values(engine, 1, SECRET)
    other = await asyncio.to_thread(Store.open, f"sqlite:///{store_path}", clock, Keyring(NoKeys()))
    with pytest.raises(ConfigError) as caught:
        await other.write(lambda tx: tx.conn.execute(sa.update(task_state).values(value=b'"other s3cr3t-text"')))
    assert str(caught.value) == "the key file /keys can't be used: Permission denied"
    await other.close()


async def test_an_error_of_a_statement_does_not_show_what_was_to_be_stored(engine: HandEngine) -> None:
    await put_values(engine, 1, SECRET)
    with pytest.raises(StoreError) as caught:
        await engine.store.write(
            lambda tx: tx.conn.execute(sa.update(wait).values(subject="s3cr3t-text", kwargs=SECRET, kind="unknown"))
        )
    shown = "".join(traceback.format_exception(caught.value))
    assert "ck_wait_kind" in shown
    assert "s3cr3t-text" not in shown.replace('subject="s3cr3t-text"', "")
