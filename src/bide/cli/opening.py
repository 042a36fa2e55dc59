"""The store of a command that is no engine."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from bide.config.fernet_keys import FernetKeys
from bide.config.resolved import Config
from bide.engine.bell_socket import EngineClient
from bide.engine.lock import find_holder
from bide.model.errors import StoreError, StoreSchemaError
from bide.observe.clock import SystemClock
from bide.store import Keyring, Store, Topic, Tx
from bide.store.migrate import HEAD, schema_state, upgrade

T = TypeVar("T")


@asynccontextmanager
async def open_store(config: Config) -> AsyncGenerator[Store]:
    """The project's store; what is changed in it rings the bell of the engine that runs beside, if one does.

    Raises an error of the StoreError family if there is no store yet, or one of another version.
    """
    if not has_store(config):
        raise StoreError(
            f"there is no store {config.store_path} yet: `bide run` and `bide standalone` make it "
            f"(project folder: {config.project})"
        )
    async with open_any_store(config) as store:
        check_schema(store, config)
        if store.is_shared:
            store.hear()
            yield store
            return
        rung: set[Topic] = set()
        store.bell.relay(rung.update)
        try:
            yield store
        finally:
            if rung:
                await _ring_engine(config, rung)


async def make_store(config: Config) -> None:
    """Make the project's store, if it is a file that is not there yet."""
    if not has_store(config):
        async with open_any_store(config) as store:
            await asyncio.to_thread(upgrade, store)


@asynccontextmanager
async def open_or_make_store(config: Config) -> AsyncGenerator[Store]:
    """As :func:`open_store`; a store that is not there yet is made, for what a first run is to find in it."""
    await make_store(config)
    async with open_store(config) as store:
        yield store


def on_store(config: Config, work: Callable[[Store], Awaitable[T]], *, make: bool = False) -> T:
    """What `work` gives with the project's store, in an event loop of its own; `make` one if there is none yet."""

    async def run() -> T:
        async with open_or_make_store(config) if make else open_store(config) as store:
            return await work(store)

    return asyncio.run(run())


def look(config: Config, read: Callable[[Tx], T]) -> T:
    """What `read` finds in the project's store."""
    return on_store(config, lambda store: store.read(read))


def has_store(config: Config) -> bool:
    """Whether there may be a store; of one on a server that is seen when it is opened."""
    return config.is_shared or config.store_path.exists()


@asynccontextmanager
async def open_any_store(config: Config) -> AsyncGenerator[Store]:
    """The project's store, whatever its schema; it is made if there is none."""
    keys = Keyring(FernetKeys(config))
    store = await asyncio.to_thread(Store.open, config.store_url, SystemClock(), keys)
    try:
        yield store
    finally:
        await store.close()


def check_schema(store: Store, config: Config) -> None:
    """Raise :class:`StoreSchemaError` unless the store is of this version."""
    state = schema_state(store)
    if not state.is_current:
        raise StoreSchemaError(
            f"store {config.shown_store} has schema {state.revision or 'none'}, this version of bide needs {HEAD}: "
            "run `bide db upgrade`"
        )


async def _ring_engine(config: Config, topics: set[Topic]) -> None:
    """Wake the engine that holds the store's file, if one does."""
    holder = find_holder(config.store_path)
    if holder is not None and holder.socket:
        await EngineClient(Path(holder.socket)).ring(*topics)


def this_person() -> str:
    """Who gives a command, for the audit log."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A user id without a name, as in some containers.
        return "cli"
