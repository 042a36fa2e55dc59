"""Migrations: they make the schema that is declared, once, and refuse a store of a newer Bide."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from bide.model.errors import StoreSchemaError
from bide.store import Store, migrate
from bide.store.migrate import HEAD, replay, schema_state, upgrade
from bide.store.schema import metadata
from tests.support.clock import HeldClock

FOLDER = Path(migrate.__file__).parent / "migrations"


@pytest.fixture
async def bare_store(tmp_path: Path) -> AsyncIterator[Store]:
    """A store without a schema."""
    opened = Store.open(f"sqlite:///{tmp_path}/bare.db", HeldClock())
    yield opened
    await opened.close()


def objects(conn: sa.Connection) -> dict[str, str]:
    """Every table and index of a database with the text that makes it, without white space."""
    rows = conn.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name != 'alembic_version'"
    )
    return {name: "".join(sql.split()).replace('"', "") for name, sql in rows}


def columns(conn: sa.Connection) -> dict[str, list[dict[str, object]]]:
    """Every column of every table, as the database reports it."""
    names = [name for name in sa.inspect(conn).get_table_names() if name != "alembic_version"]
    return {
        name: [dict(row) for row in conn.exec_driver_sql(f"PRAGMA table_info({name})").mappings()]
        for name in sorted(names)
    }


def constraints(conn: sa.Connection) -> dict[str, object]:
    """Keys and checks of every table."""
    inspector = sa.inspect(conn)
    return {
        name: (
            sorted(map(repr, inspector.get_check_constraints(name))),
            sorted(map(repr, inspector.get_unique_constraints(name))),
            sorted(map(repr, inspector.get_foreign_keys(name))),
        )
        for name in sorted(inspector.get_table_names())
        if name != "alembic_version"
    }


#: The two ways in which a store gets its tables.
WAYS = pytest.mark.parametrize("make", [replay, upgrade], ids=["by migrations", "at once"])


@WAYS
def test_the_schema_that_is_made_is_the_one_declared(bare_store: Store, make: Callable[[Store], object]) -> None:
    make(bare_store)
    declared = sa.create_engine("sqlite://")
    with declared.connect() as wanted, bare_store.engine.connect() as found:
        metadata.create_all(wanted)
        assert columns(found) == columns(wanted)
        assert constraints(found) == constraints(wanted)
        indexes = {name: sql for name, sql in objects(wanted).items() if sql.startswith("CREATEINDEX")}
        assert {name: sql for name, sql in objects(found).items() if name in indexes} == indexes
        assert len(indexes) >= 15
    declared.dispose()


def test_head_is_the_newest_script() -> None:
    assert ScriptDirectory(str(FOLDER)).get_heads() == [HEAD]


def test_scripts_are_one_line_of_descent_and_are_named_by_it() -> None:
    scripts = list(ScriptDirectory(str(FOLDER)).walk_revisions())
    assert [script.down_revision for script in scripts] == [*(one.revision for one in scripts[1:]), None]
    for script in scripts:
        assert Path(script.path).name.startswith(f"m{script.revision}_")


def test_an_upgrade_says_where_it_came_from_and_is_done_once(bare_store: Store) -> None:
    assert schema_state(bare_store) == migrate.SchemaState(None)
    assert not schema_state(bare_store).is_current
    assert upgrade(bare_store).revision is None
    assert schema_state(bare_store) == migrate.SchemaState(HEAD)
    assert upgrade(bare_store).revision == HEAD


def test_a_store_of_a_newer_bide_is_refused_and_left_alone(bare_store: Store) -> None:
    upgrade(bare_store)
    with bare_store.exclusive() as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreSchemaError, match=rf"'9999' is of a newer Bide; this one knows up to '{HEAD}'"):
        upgrade(bare_store)
    assert schema_state(bare_store).revision == "9999"


@WAYS
def test_one_that_fails_leaves_nothing_behind(bare_store: Store, make: Callable[[Store], object]) -> None:
    def fail(conn: sa.Connection, _clause: object, *_: object) -> None:
        if "CREATE TABLE xcom" in str(_clause):
            raise RuntimeError("power cut")

    sa.event.listen(bare_store.engine, "before_execute", fail)
    with pytest.raises(RuntimeError, match="power cut"):
        make(bare_store)
    sa.event.remove(bare_store.engine, "before_execute", fail)
    with bare_store.engine.connect() as conn:
        assert sa.inspect(conn).get_table_names() == []
    upgrade(bare_store)
    assert schema_state(bare_store).is_current


@WAYS
async def test_two_upgrades_at_the_same_moment(tmp_path: Path, make: Callable[[Store], object]) -> None:
    """Two processes start on a new store: one migrates, the other waits and finds it done."""
    stores = [Store.open(f"sqlite:///{tmp_path}/bare.db", HeldClock()) for _ in range(4)]
    await asyncio.gather(*(asyncio.to_thread(make, one) for one in stores))
    assert all(schema_state(one).is_current for one in stores)
    for one in stores:
        await one.close()


async def test_an_upgrade_waits_for_a_writer(bare_store: Store, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "bare.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    upgrading = asyncio.create_task(asyncio.to_thread(upgrade, bare_store))
    await asyncio.to_thread(other.execute, "COMMIT")
    assert (await upgrading).revision is None
    other.close()
