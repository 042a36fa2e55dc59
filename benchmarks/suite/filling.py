"""Fills a database of Bide on SQLite: copies a run that was made in earnest, with all that belongs to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

#: Runs that one transaction copies.
_BATCH: Final = 25
#: An id is replaced by one that begins with the number of the copy; the rest keeps it apart from its siblings.
_NEW_UID: Final = "CASE WHEN {0} IS NULL THEN NULL ELSE printf('%08x', :copy) || substr({0}, 9) END"
_NEW_RUN_ID: Final = "run_id || '_' || :copy"
_OF_RUN: Final = "instance_uid IN (SELECT uid FROM task_instance WHERE run_uid = :model)"


def fill(database: Path, run_id: str, *, copies: int) -> None:
    """Copy the run `run_id` so many times, with its instances, their history and their waits."""
    with closing(sqlite3.connect(database, isolation_level=None)) as conn:
        # If this is cut short the file is thrown away with everything else.
        conn.execute("PRAGMA synchronous = OFF")
        model = conn.execute("SELECT uid FROM dag_run WHERE run_id = ?", (run_id,)).fetchone()[0]
        statements = [
            _copying(conn, "dag_run", ("uid",), {"run_id": _NEW_RUN_ID}, "uid = :model"),
            _copying(conn, "task_instance", ("uid", "run_uid"), {"run_id": _NEW_RUN_ID}, "run_uid = :model"),
            _copying(conn, "task_event", ("instance_uid",), {"id": "NULL"}, _OF_RUN),
            _copying(conn, "wait", ("uid", "instance_uid", "run_uid", "parent_uid"), {}, "run_uid = :model"),
        ]
        for first in range(0, copies, _BATCH):
            conn.execute("BEGIN")
            for copy in range(first, min(first + _BATCH, copies)):
                for statement in statements:
                    conn.execute(statement, {"copy": copy, "model": model})
            conn.execute("COMMIT")
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _copying(
    conn: sqlite3.Connection, table: str, uids: tuple[str, ...], changed: Mapping[str, str], condition: str
) -> str:
    """INSERT of the rows of `table` that meet `condition`, with new `uids` and some columns `changed`."""
    columns = [row[1] for row in conn.execute(f"PRAGMA table_info({table})")]
    expressions = {**{name: _NEW_UID.format(name) for name in uids}, **changed}
    values = ", ".join(expressions.get(column, f'"{column}"') for column in columns)
    names = ", ".join(f'"{column}"' for column in columns)
    return f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} WHERE {condition}"
