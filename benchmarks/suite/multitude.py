"""100,000 polls with an interval of a minute, then 100,000 coroutines that sleep, held by one engine.

A run of 1,000 tasks is made in earnest; the engine is stopped, its rows are copied until there are as many as are
wanted, and the engine is started on them. Measured are the time until all of them are held, memory (PSS of all
processes) that they add to what the engine had with the first thousand, and CPU over a minute.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from benchmarks.figures import Figures, Target
from benchmarks.processes import cpu_seconds, pss_bytes
from benchmarks.suite.filling import fill
from benchmarks.suite.scale import Scale
from benchmarks.systems.bide import Bide
from benchmarks.systems.contract import wait_until

NAME: Final = "multitude"
_TASKS: Final = 1000
_IDLE: Final = {"BIDE__LOCAL_EXECUTOR__WORKER_IDLE_SEC": "2"}
#: MiB that each kind may take.
_BOUNDS: Final = {"slow_polls": 1024, "sleepers": 1536}
_SETTLE: Final = 8.0


def measure(system: Bide, scale: Scale) -> Figures:
    """For each kind."""
    figures = Figures(NAME)
    count = 3_000 if scale.quick else 100_000
    window = 5.0 if scale.quick else 60.0
    for dag_id, bound in _BOUNDS.items():
        name = f"{count:,} {dag_id.replace('_', ' ')}"
        with system.start("hello", "asleep", **_IDLE):
            system.await_dag(dag_id)
            run_id = system.trigger(dag_id)
            wait_until(
                lambda dag_id=dag_id, run_id=run_id: system.count(dag_id, run_id, "deferred") == _TASKS,
                what=f"{dag_id} waiting",
                patience=120,
                every=0.5,
            )
            time.sleep(_SETTLE)
            before = pss_bytes(system.roots)
        fill(system.database, run_id, copies=count // _TASKS - 1)
        with system.restart(**_IDLE):
            begun = time.monotonic()
            wait_until(lambda: _unheld(system.database) == 0, what=f"{name} held", patience=900, every=0.5)
            figures.add(f"{name}: all held after", "s", [time.monotonic() - begun])
            time.sleep(_SETTLE)
            used, watched = cpu_seconds(system.roots), time.monotonic()
            time.sleep(window)
            share = 100 * (cpu_seconds(system.roots) - used) / (time.monotonic() - watched)
            figures.add(f"{name}: CPU while waiting", "% of a core", [share], Target("max", "<=", 100))
            held = pss_bytes(system.roots) / 2**20
            figures.add(f"{name}: memory of everything", "MiB PSS", [held], Target("max", "<=", bound))
            figures.add(f"{name}: memory added", "MiB PSS", [held - before / 2**20])
    return figures


def _unheld(database: Path) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as conn:
        return conn.execute("SELECT count(*) FROM wait WHERE session IS NULL").fetchone()[0]
