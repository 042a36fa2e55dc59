"""Retention: what tasks notice while 1,000,000 old task instances are deleted.

A run of 50 tasks is made in earnest, and its rows are copied under new ids into the SQLite file until there are a
million instances, which are then a month old. On that file 300 tasks a second are asked for, once as it is and once
while the engine deletes what is older than a week; tasks a second are counted from the first start to the last end.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from benchmarks.figures import Figures, Target
from benchmarks.suite.filling import fill
from benchmarks.suite.scale import Scale
from benchmarks.systems.bide import Bide
from benchmarks.systems.contract import BenchmarkError

NAME: Final = "retention"
_PER_RUN: Final = 50
_RUNS_A_SECOND: Final = 6
#: Seconds for which runs are asked for.
_SECONDS: Final = 40


def measure(system: Bide, scale: Scale) -> Figures:
    """Tasks a second without and with retention, and instances that were deleted a second."""
    figures = Figures(NAME)
    instances = 10_000 if scale.quick else 1_000_000
    seconds = 3 if scale.quick else _SECONDS
    with system.start("narrow"):
        system.await_dag("noop_50")
        model = system.complete("noop_50", every=0.1).run_id
    fill(system.database, model, copies=instances // _PER_RUN - 1)
    _age(system.database)
    with system.restart():
        before = _rate(system, seconds)
    with system.restart(BIDE__RETENTION__MAX_AGE_DAYS="7"):
        kept, began = _instances(system.database), time.monotonic()
        during = _rate(system, seconds)
        gone = kept - _instances(system.database)
        took = time.monotonic() - began
    offered = f"{_RUNS_A_SECOND * _PER_RUN} tasks/s asked for"
    figures.add(f"{offered}, {instances:,} instances", "tasks/s", [before])
    figures.add(f"{offered}, while those are deleted", "tasks/s", [during])
    figures.add("throughput lost", "%", [100 * (1 - during / before)], Target("max", "<=", 20))
    figures.add("old instances deleted meanwhile", "1/s", [gone / took])
    return figures


def _age(database: Path) -> None:
    """Let all runs be a month old."""
    with closing(sqlite3.connect(database, isolation_level=None)) as conn:
        changed = ", ".join(
            f"{name} = strftime('%Y-%m-%d %H:%M:%f000+00:00', {name}, '-30 days')"
            for name in ("run_after", "queued_at", "start_date", "end_date")
        )
        conn.execute(f"UPDATE dag_run SET {changed}")


def _instances(database: Path) -> int:
    """Instances that are a month old."""
    with closing(sqlite3.connect(database)) as conn:
        old = "SELECT count(*) FROM dag_run WHERE end_date < strftime('%Y-%m-%d %H:%M:%f', 'now', '-7 days')"
        return _PER_RUN * conn.execute(old).fetchone()[0]


def _rate(system: Bide, seconds: int) -> float:
    """Tasks a second, where so many are asked for that they would be 300."""
    system.await_dag("noop_50")
    system.complete("noop_50", every=0.1)
    run_ids: list[str] = []
    began = time.monotonic()
    for number in range(_RUNS_A_SECOND * seconds):
        time.sleep(max(0.0, began + number / _RUNS_A_SECOND - time.monotonic()))
        run_ids.append(system.trigger("noop_50"))
    runs = [system.await_run("noop_50", run_id, patience=1200, every=0.25) for run_id in run_ids]
    if any(run.state != "success" for run in runs):
        raise BenchmarkError(f"{system.name}: a run of noop_50 has failed")
    begun = min(run.begun for run in runs if run.begun is not None)
    ended = max(run.ended for run in runs if run.ended is not None)
    return len(runs) * _PER_RUN / (ended - begun)
