"""Whether a transaction was stored whose COMMIT was not answered.

Each writer's thread has a row of its own, in which every transaction that changes anything leaves its number, sent
together with its COMMIT. (PostgreSQL's own numbers of transactions do not tell: after a crash it may give one again
that nobody got to see.) And each transaction holds a lock of its writer, so that who asks waits until the server is
done with it, whichever way.
"""

from __future__ import annotations

import secrets
import uuid
from typing import Any

import psycopg
import sqlalchemy as sa

from bide.store.schema import writer


class CommitRecord:
    """The numbers of one writer's transactions."""

    def __init__(self) -> None:
        self.uid = str(uuid.uuid4())
        self._lock = secrets.randbits(62)
        self._number = 0

    def begin(self) -> bytes:
        """Begins a transaction; its second result has the server's clock."""
        self._number += 1
        return f"BEGIN; SELECT now(), pg_advisory_xact_lock({self._lock})".encode()

    def commit(self) -> bytes:
        """Ends it."""
        return (
            f"INSERT INTO writer (uid, number, at) SELECT '{self.uid}', {self._number}, now() "
            "WHERE pg_current_xact_id_if_assigned() IS NOT NULL "
            "ON CONFLICT (uid) DO UPDATE SET number = excluded.number, at = excluded.at; COMMIT"
        ).encode()

    def look(self) -> bytes:
        """Begins a transaction to ask in, once the server is done with the last one."""
        return f"BEGIN; SELECT now(), pg_advisory_xact_lock({self._lock})".encode()

    def is_stored(self, conn: sa.Connection) -> bool:
        """Whether the last transaction is."""
        found = conn.execute(sa.select(writer.c.number).where(writer.c.uid == self.uid)).scalar_one_or_none()
        return found == self._number


def forget(conn: sa.Connection, records: list[CommitRecord]) -> None:
    """These writers end, and so have others long ago."""
    conn.execute(sa.delete(writer).where(writer.c.uid.in_([one.uid for one in records])))
    conn.execute(sa.text("DELETE FROM writer WHERE at < now() - interval '7 days'"))


def send(connection: psycopg.Connection[Any], commands: bytes) -> tuple[Any, ...] | None:
    """Send several commands in one message; the first row of the last one that has any."""
    cursor = connection.execute(commands)
    row: tuple[Any, ...] | None = None
    more: bool | None = True
    while more:
        if cursor.description is not None:
            row = cursor.fetchone()
        more = cursor.nextset()
    return row
