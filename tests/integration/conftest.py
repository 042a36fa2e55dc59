"""An engine driven by hand, for tests on a real store; their event loops must not be blocked.

Tests run on each kind of store. A module that is about one of them says so:

    pytestmark = ON_SQLITE  # of tests.support.stores
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bide.store import Keyring, Store
from tests.support.clock import HeldClock
from tests.support.hand_engine import HandEngine
from tests.support.keys import KEY


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have each test that uses a store run on all kinds of it, or on those of its mark."""
    if "store_url" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("store")
        metafunc.parametrize("store_url", ["sqlite", "postgresql"] if mark is None else mark.args, indirect=True)


@pytest.fixture
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of the test's own store, migrated and empty."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_url")
    return f"sqlite:///{request.getfixturevalue('store_path')}"


@pytest.fixture
async def store(store_url: str, clock: HeldClock) -> AsyncIterator[Store]:
    """An open store on a held clock."""
    opened = await asyncio.to_thread(Store.open, store_url, clock, Keyring.of(KEY), server_time=False)
    yield opened
    await opened.close()


@pytest.fixture
def engine(store: Store, clock: HeldClock, tmp_path: Path) -> HandEngine:
    """An engine without processes."""
    return HandEngine(store, clock, tmp_path / "logs")
