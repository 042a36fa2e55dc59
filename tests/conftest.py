"""Fixtures for all tests: a held clock, a store of its own for each test, no blocking on event loops."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog
from blockbuster import BlockBuster
from hypothesis import HealthCheck, settings

from bide.store import Keyring, Store
from bide.store.migrate import upgrade
from bide.store.schema import metadata
from tests.support.clock import HeldClock
from tests.support.keys import KEY
from tests.support.postgres import PostgresServer, start_server
from tests.support.statements import share_compiled_statements

# The tests start many processes, which are to find byte code instead of compiling everything again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Tests share their machine with others: a slow example is no finding.
settings.register_profile("bide", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("bide")

share_compiled_statements()


@pytest.fixture
def clock() -> HeldClock:
    """A clock that stands still."""
    return HeldClock()


@pytest.fixture(scope="session")
def empty_store_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store's file, migrated and empty; tests work on copies of it."""
    path = tmp_path_factory.mktemp("empty_store") / "bide.db"

    async def make() -> None:
        made = await asyncio.to_thread(Store.open, f"sqlite:///{path}", HeldClock())
        await asyncio.to_thread(upgrade, made)
        await made.close()

    asyncio.run(make())
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for all tests of this process; it keeps nothing over a power cut."""
    server = start_server()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def postgres_store(postgres: PostgresServer) -> str:
    """The URL of a migrated store, which one test after the other uses."""
    url = postgres.make()

    async def make() -> None:
        made = await asyncio.to_thread(Store.open, url, HeldClock(), server_time=False)
        await asyncio.to_thread(upgrade, made)
        await made.close()

    asyncio.run(make())
    return url


@pytest.fixture
def postgres_url(postgres: PostgresServer, postgres_store: str) -> Iterator[str]:
    """The URL of the test's own store on PostgreSQL: empty."""
    yield postgres_store
    postgres.empty(postgres_store, [table.name for table in reversed(metadata.sorted_tables)])


@pytest.fixture
def store_path(tmp_path: Path, empty_store_file: Path) -> Path:
    """The file of the test's own store."""
    return Path(shutil.copy(empty_store_file, tmp_path / "bide.db"))


@pytest.fixture
async def store(store_path: Path, clock: HeldClock) -> AsyncIterator[Store]:
    """An open store, migrated and empty, on a held clock."""
    opened = await asyncio.to_thread(Store.open, f"sqlite:///{store_path}", clock, Keyring.of(KEY))
    yield opened
    await opened.close()


@pytest.fixture
def no_blocking() -> Iterator[None]:
    """Fail a test whose event loop is blocked by a call of Bide's. The store's threads may block."""
    guard = BlockBuster("bide")
    # Schedules are read where DAG files are imported, which is never on a loop but in tests.
    for function in guard.functions.values():
        function.can_block_in("bide/model/timetables.py", "parse_schedule")
        # A socket's file is made and removed once, when the engine starts and stops.
        function.can_block_in("bide/engine/bell_socket.py", {"start", "stop"})
        # A line of the log is written where it is said.
        function.can_block_in("structlog/_base.py", "_proxy_to_logger")
    guard.activate()
    yield
    guard.deactivate()


@pytest.fixture(autouse=True)
def logging_put_back() -> Iterator[None]:
    """Commands called in the test's process put a handler on the root logger that writes to the test's streams."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as there are cores: much of a test's time is spent waiting for others' processes."""
    return (os.cpu_count() or 1) * 3 // 2
