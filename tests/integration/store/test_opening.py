"""Opening a store that can't be used: what is wrong, with which file, and what to do."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bide.model.errors import StoreDamaged, StoreError, StoreUnavailable
from bide.store import Store, Tx, sessions
from bide.store.migrate import schema_state
from bide.store.schema import dag_run
from tests.support.clock import HeldClock
from tests.support.postgres import PostgresServer
from tests.support.privileges import unprivileged
from tests.support.stores import ON_SQLITE


def opened(path: Path) -> Store:
    return Store.open(f"sqlite:///{path}", HeldClock())


def runs_in_all(tx: Tx) -> int:
    return tx.conn.execute(sa.select(sa.func.count()).select_from(dag_run)).scalar_one()


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that users other than root can enter, unlike pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="bide-test-"))
    folder.chmod(0o777)
    yield folder
    folder.chmod(0o777)
    shutil.rmtree(folder)


async def test_a_new_store_is_made_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "some" / "where" / "bide.db"
    store = opened(path)
    assert path.parent.is_dir()
    assert schema_state(store).revision is None
    await store.close()


@ON_SQLITE
async def test_the_settings_that_durability_needs(store: Store) -> None:
    def pragmas(tx: object) -> dict[str, object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        with store.engine.connect() as conn:
            return {name: conn.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names}

    assert await store.read(pragmas) == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://localhost/bide", "only sqlite:///... and postgresql://... are supported"),
        ("not a url", "no URL of a database"),
        ("", "no URL of a database"),
    ],
)
def test_a_url_that_can_not_be_used_is_named(url: str, said: str) -> None:
    with pytest.raises(StoreError, match=said) as caught:
        Store.open(url, HeldClock())
    assert url in str(caught.value)


def text_file(path: Path) -> None:
    path.write_text("This is a shopping list, not a database.\n" * 200)


def half_a_database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (x)")
    connection.executemany("INSERT INTO t VALUES (?)", [("x" * 2_000,)] * 20)
    connection.commit()
    connection.close()
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\x00" * 3_000 + content[3_100:])


@pytest.mark.parametrize("damage", [text_file, half_a_database])
def test_a_file_that_is_no_database_is_not_touched(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    path = tmp_path / "bide.db"
    damage(path)
    before = path.read_bytes()
    with pytest.raises(StoreDamaged, match="restore a copy") as caught:
        opened(path)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == before


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="can't be opened"):
        opened(tmp_path)


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(StoreUnavailable, match="can't make the folder") as caught:
        opened(tmp_path / "home" / "bide.db")
    assert str(tmp_path / "home") in str(caught.value)


def test_a_folder_that_may_not_be_made(public_folder: Path) -> None:
    public_folder.chmod(0o555)
    with unprivileged(), pytest.raises(StoreUnavailable, match=r"can't make the folder .*Permission denied"):
        opened(public_folder / "home" / "bide.db")


def test_a_folder_in_which_nothing_may_be_written(public_folder: Path) -> None:
    public_folder.chmod(0o555)
    with unprivileged(), pytest.raises(StoreUnavailable, match="may you write there"):
        opened(public_folder / "bide.db")


async def test_a_file_that_may_not_be_written_can_be_read(public_folder: Path, empty_store_file: Path) -> None:
    path = Path(shutil.copy(empty_store_file, public_folder / "bide.db"))
    path.chmod(0o444)
    with unprivileged():
        store = opened(path)
        assert await store.read(runs_in_all) == 0
        with pytest.raises(StoreUnavailable, match="can't be written: check its permissions") as caught:
            await store.write(lambda tx: sessions.audit(tx, "test", owner="test"))
        assert str(path) in str(caught.value)
        await store.close()


def test_a_file_that_may_not_be_read(public_folder: Path, empty_store_file: Path) -> None:
    path = Path(shutil.copy(empty_store_file, public_folder / "bide.db"))
    path.chmod(0)
    with unprivileged(), pytest.raises(StoreUnavailable, match="can't be opened"):
        opened(path)


async def test_a_store_that_another_process_writes_can_be_opened_and_read(store_path: Path) -> None:
    other = sqlite3.connect(store_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store = opened(store_path)
    assert await store.read(runs_in_all) == 0
    other.execute("ROLLBACK")
    other.close()
    await store.close()


def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"postgresql://ada:\*\*\*@.*the server can't be reached") as caught:
        Store.open(f"postgresql://ada:secret@/bide?host={tmp_path}", HeldClock())
    assert "secret" not in str(caught.value)


def test_a_database_that_is_not_there(postgres: PostgresServer) -> None:
    with pytest.raises(StoreError, match='database "nowhere" does not exist'):
        Store.open(postgres.url("nowhere"), HeldClock())
