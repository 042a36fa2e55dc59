"""1,000,000 timers at rest, then 100,000 that come due in the same second.

As in :mod:`benchmarks.suite.multitude`, rows are copied from a run that was made in earnest. At rest: memory that a
million timers add, and what a waiting task takes of the disk. Due together: from the moment to the last task that
is scheduled again, and how many tasks a second then end in workers.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from typing import Final

from benchmarks.figures import Figures, Target
from benchmarks.processes import pss_bytes
from benchmarks.suite.filling import fill
from benchmarks.suite.scale import Scale
from benchmarks.systems.bide import Bide
from benchmarks.systems.contract import BenchmarkError, wait_until
from bide.store.schema.columns import to_text

NAME: Final = "timers"
_TASKS: Final = 1000
_IDLE: Final = {"BIDE__LOCAL_EXECUTOR__WORKER_IDLE_SEC": "2"}
_SETTLE: Final = 8.0
_DAY: Final = 86400.0


def measure(system: Bide, scale: Scale) -> Figures:
    """At rest, then due together."""
    figures = Figures(NAME)
    _at_rest(figures, system, 5_000 if scale.quick else 1_000_000)
    _together(figures, system, 3_000 if scale.quick else 100_000)
    return figures


def _arm(system: Bide, ahead: float) -> tuple[str, float]:
    """A run whose thousand tasks wait, and the moment that they wait for, so many seconds from now."""
    system.await_dag("together")
    moment = time.time() + ahead
    run_id = system.trigger("together", {"moment": moment})
    wait_until(
        lambda: system.count("together", run_id, "deferred") == _TASKS, what="timers", patience=120, every=0.2
    )
    return run_id, moment


def _at_rest(figures: Figures, system: Bide, count: int) -> None:
    with system.start("hello", "turns", **_IDLE):
        run_id, _ = _arm(system, _DAY)
        time.sleep(_SETTLE)
        before, size = pss_bytes(system.roots), system.database.stat().st_size
    fill(system.database, run_id, copies=count // _TASKS - 1)
    a_row = (system.database.stat().st_size - size) / (count - _TASKS)
    figures.add(f"{count:,} timers: disk", "bytes a task", [a_row], note="instance, four events, wait, indexes")
    with system.restart(**_IDLE):
        time.sleep(2 * _SETTLE)
        added = (pss_bytes(system.roots) - before) / 2**20
        figures.add(f"{count:,} timers: memory added", "MiB PSS", [added], Target("max", "<=", 16))


def _together(figures: Figures, system: Bide, count: int) -> None:
    with system.start("hello", "turns"):
        # Time for copying them, and for starting on what was copied.
        run_id, moment = _arm(system, 20.0 + count / 1500)
    fill(system.database, run_id, copies=count // _TASKS - 1)
    with system.restart():
        if time.time() > moment - 1:
            raise BenchmarkError("filling took longer than the timers")
        wait_until(
            lambda: _count(system, "SELECT count(*) FROM task_instance WHERE state = 'success'") == count,
            what=f"{count:,} tasks to end",
            patience=1200,
            every=1.0,
        )
        since = to_text(datetime.fromtimestamp(moment, UTC))
        last = "SELECT max(at) FROM task_event WHERE state = ? AND at >= ?"
        scheduled = _moment(_one(system, last, "scheduled", since)) - moment
        ended = _moment(_one(system, last, "success", since)) - moment
        name = f"{count:,} due together"
        figures.add(f"{name}: all scheduled after", "s", [scheduled], Target("max", "<=", 20))
        figures.add(f"{name}: events to scheduled", "tasks/s", [count / scheduled], Target("min", ">=", 1000))
        figures.add(f"{name}: ended in workers", "tasks/s", [count / ended], Target("min", ">=", 700))
        twice = _count(system, "SELECT count(*) FROM task_event WHERE state = 'success'") - count
        figures.add(f"{name}: resumed twice", "tasks", [twice], Target("max", "<=", 0))


def _count(system: Bide, statement: str) -> int:
    return int(_one(system, statement))


def _one(system: Bide, statement: str, *values: str) -> str:
    with closing(sqlite3.connect(f"file:{system.database}?mode=ro", uri=True)) as conn:
        return conn.execute(statement, values).fetchone()[0]


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
