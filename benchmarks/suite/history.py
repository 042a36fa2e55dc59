"""History: the round trip and the chain gap with 1,000,000 finished task instances in the database.

One run of 1,000 tasks is made in earnest. Then its rows (run, instances, history) are copied under new ids,
straight into the SQLite file, until there are a million; the engine is started on that file, and both measurements
are made again. The same measurements before the copying are the comparison.
"""

from __future__ import annotations

import sqlite3
import statistics
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from benchmarks.figures import Figures, Target
from benchmarks.suite import chain, deferral
from benchmarks.suite.scale import Scale
from benchmarks.systems.bide import Bide

NAME: Final = "history"
_PER_RUN: Final = 1000
#: Runs that one transaction copies.
_BATCH: Final = 25
#: An id is replaced by one that begins with the number of the copy; the rest keeps it apart from its siblings.
_NEW_UID: Final = "printf('%08x', :copy) || substr({}, 9)"
_NEW_RUN_ID: Final = "run_id || '_' || :copy"


def measure_bide(system: Bide, scale: Scale) -> Figures:
    """Round trip and chain gap in milliseconds, with and without history, and by what they have grown."""
    figures = Figures(NAME)
    instances = 10_000 if scale.quick else 1_000_000
    repetitions = scale.times(system, 100, slow=0, quick=5)
    with system.start("defer", "chain", "noop"):
        system.await_dag("noop")
        system.await_dag("chain")
        model = system.complete("noop", every=0.1).run_id
        empty = _measure(system, repetitions)
    fill(system.state_folder / "bide.db", model, copies=instances // _PER_RUN - 1)
    with system.restart():
        full = _measure(system, repetitions)
    for name, before, after in zip(("round trip", "chain gap"), empty, full, strict=True):
        figures.add(f"{name}, {_PER_RUN:,} instances", "ms", before)
        figures.add(f"{name}, {instances:,} instances", "ms", after)
        growth = statistics.median(after) / statistics.median(before)
        figures.add(f"{name}: median grows by", "times", [growth], Target("max", "<=", 1.25))
    return figures


def _measure(system: Bide, repetitions: int) -> tuple[list[float], list[float]]:
    trips, _ = deferral.round_trips(system, 1, repetitions)
    return trips, chain.gaps(system, max(repetitions // 10, 2))


def fill(database: Path, run_id: str, *, copies: int) -> None:
    """Copy the finished run `run_id` so many times, with its instances and their history."""
    with closing(sqlite3.connect(database, isolation_level=None)) as conn:
        # If this is cut short the file is thrown away with everything else.
        conn.execute("PRAGMA synchronous = OFF")
        model = conn.execute("SELECT uid FROM dag_run WHERE run_id = ?", (run_id,)).fetchone()[0]
        statements = [
            _copying(conn, "dag_run", {"uid": _NEW_UID.format("uid"), "run_id": _NEW_RUN_ID}, "uid = :model"),
            _copying(
                conn,
                "task_instance",
                {
                    "uid": _NEW_UID.format("uid"),
                    "run_uid": _NEW_UID.format("run_uid"),
                    "run_id": _NEW_RUN_ID,
                },
                "run_uid = :model",
            ),
            _copying(
                conn,
                "task_event",
                {"id": "NULL", "instance_uid": _NEW_UID.format("instance_uid")},
                "instance_uid IN (SELECT uid FROM task_instance WHERE run_uid = :model)",
            ),
        ]
        for first in range(0, copies, _BATCH):
            conn.execute("BEGIN")
            for copy in range(first, min(first + _BATCH, copies)):
                for statement in statements:
                    conn.execute(statement, {"copy": copy, "model": model})
            conn.execute("COMMIT")
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _copying(conn: sqlite3.Connection, table: str, changed: Mapping[str, str], condition: str) -> str:
    """INSERT of the rows of `table` that meet `condition`, with some columns `changed` to an expression."""
    columns = [row[1] for row in conn.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(changed.get(column, f'"{column}"') for column in columns)
    names = ", ".join(f'"{column}"' for column in columns)
    return f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} WHERE {condition}"
