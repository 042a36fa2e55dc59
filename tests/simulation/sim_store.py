"""A store in memory that does each transaction at once, in the caller's thread: nothing is left to chance."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa
import sqlalchemy.event
from sqlalchemy.pool import StaticPool

from bide.model.clock import Clock
from bide.store import Bell, Tx
from bide.store.schema import metadata
from bide.store.sealing import Keyring, use_keys

T = TypeVar("T")

_KEYS = Keyring.of("c2ltdWxhdGlvbiBrZXkgb2YgMzIgYnl0ZXMgbG9uZyE=")


class SimStore:
    """What control and the duties use of :class:`bide.store.Store`."""

    def __init__(self, clock: Clock, *, is_shared: bool) -> None:
        self.engine = _database()
        with self.engine.connect() as conn, conn.begin():
            for table in reversed(metadata.sorted_tables):
                conn.execute(sa.delete(table))
        self.clock = clock
        self.is_shared = is_shared
        self.bell = Bell()

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in one transaction."""
        with self.engine.connect() as conn, conn.begin():
            tx = Tx(conn, self.clock.now(), shared=self.is_shared)
            result = work(tx)
        if tx.topics:
            self.bell.ring(*tx.topics)
        return result

    async def write_together(self, work: Callable[[Tx, Sequence[Any]], Sequence[Any]], item: Any) -> Any:
        """Run `work` for `item` alone."""
        (answer,) = await self.write(lambda tx: work(tx, [item]))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run `work` on the store as it is."""
        return self.look(work)

    def look(self, work: Callable[[Tx], T]) -> T:
        """Run `work` on the store as it is."""
        with self.engine.connect() as conn:
            return work(Tx(conn, self.clock.now()))


@cache
def _database() -> sa.Engine:
    """One for all schedules of this process, so that its statements are compiled once."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA foreign_keys = ON")
    # Where engines share a store there are locks across transactions; here each is alone anyhow.
    connection.create_function("pg_advisory_xact_lock", 2, lambda _one, _other: None)
    connection.create_function("pg_try_advisory_xact_lock", 2, lambda _one, _other: True)
    engine = sa.create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    sqlalchemy.event.listen(engine, "begin", lambda conn: conn.exec_driver_sql("BEGIN"))
    use_keys(engine, _KEYS)
    metadata.create_all(engine)
    return engine
