"""The store of a command that is no engine."""

from __future__ import annotations

import getpass
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from bide.config.fernet_keys import FernetKeys
from bide.config.resolved import Config
from bide.engine.bell_socket import EngineClient
from bide.engine.lock import Holder, find_holder
from bide.model.errors import StoreError, StoreSchemaError
from bide.observe.clock import SystemClock
from bide.store import Keyring, Store, Topic
from bide.store.migrate import HEAD, schema_state


@asynccontextmanager
async def open_store(config: Config) -> AsyncGenerator[Store]:
    """The project's store; what is changed in it rings the bell of the engine that runs beside, if one does.

    Raises an error of the StoreError family if there is no store yet, or one of another version.
    """
    if not config.store_path.exists():
        raise StoreError(
            f"there is no store {config.store_path} yet: `bide run` and `bide standalone` make it "
            f"(project folder: {config.project})"
        )
    async with open_any_store(config) as store:
        rung: set[Topic] = set()
        store.bell.relay(rung.update)
        check_schema(store, config.store_path)
        try:
            yield store
        finally:
            if rung:
                await ring_engine(config, rung)


@asynccontextmanager
async def open_any_store(config: Config) -> AsyncGenerator[Store]:
    """The project's store, whatever its schema; it is made if there is none."""
    keys = Keyring(FernetKeys(config))
    store = Store.open(f"sqlite:///{config.store_path}", SystemClock(), keys)
    try:
        yield store
    finally:
        await store.close()


def check_schema(store: Store, path: Path) -> None:
    """Raise :class:`StoreSchemaError` unless the store is of this version."""
    state = schema_state(store)
    if not state.is_current:
        raise StoreSchemaError(
            f"store {path} has schema {state.revision or 'none'}, this version of bide needs {HEAD}: "
            "run `bide db upgrade`"
        )


async def ring_engine(config: Config, topics: set[Topic]) -> bool:
    """Wake the engine on this store; False if none runs."""
    client = engine_client(find_holder(config.store_path))
    return client is not None and await client.ring(*topics)


def engine_client(holder: Holder | None) -> EngineClient | None:
    """The way to talk to the engine that holds a store, if one does."""
    return None if holder is None or not holder.socket else EngineClient(Path(holder.socket))


def this_person() -> str:
    """Who gives a command, for the audit log."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A user id without a name, as in some containers.
        return "cli"
