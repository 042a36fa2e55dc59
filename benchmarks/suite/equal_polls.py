"""10,000 equal polls with an interval of two seconds: how often is looked, and how fast all end by one look.

A run of 1,000 tasks is made in earnest and copied, as in :mod:`benchmarks.suite.multitude`. Each look notes when it
was made. Counted are the looks in a window, in intervals; then the thing that all wait for is made, and measured
is the time from there to the last task's end. The look that finds it may be up to one interval away.
"""

from __future__ import annotations

import itertools
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.figures import Figures, Target
from benchmarks.suite.filling import fill
from benchmarks.suite.scale import Scale
from benchmarks.systems.bide import Bide
from benchmarks.systems.contract import wait_until

NAME: Final = "equal polls"
_TASKS: Final = 1000
#: Seconds between looks, as in ``bench_equal.SameFlag``.
_INTERVAL: Final = 2.0
_IDLE: Final = {"BIDE__LOCAL_EXECUTOR__WORKER_IDLE_SEC": "2"}


def measure(system: Bide, scale: Scale) -> Figures:
    """Looks per interval, and the end of all."""
    figures = Figures(NAME)
    count = 3_000 if scale.quick else 10_000
    window = 10.0 if scale.quick else 60.0
    flag = system.home / "flag"
    with system.start("hello", "equal", **_IDLE):
        system.await_dag("equal")
        run_id = system.trigger("equal", {"flag": str(flag)})
        wait_until(
            lambda: system.count("equal", run_id, "deferred") == _TASKS, what="waits", patience=120, every=0.2
        )
    fill(system.database, run_id, copies=count // _TASKS - 1)
    with system.restart(**_IDLE):
        held = "SELECT count(*) FROM wait WHERE session IS NULL"
        wait_until(lambda: _count(system.database, held) == 0, what="all held", patience=300, every=0.2)
        time.sleep(2 * _INTERVAL)  # until the runner has built the last of them
        system.take_marks("look")
        time.sleep(window)
        looks = system.take_marks("look")
        name = f"{count:,} equal polls"
        # The first look of the window may come at its very beginning, the last one at its very end.
        share = max(0, len(looks) - 1) / (window / _INTERVAL)
        figures.add(f"{name}: looks per interval", "looks", [share], Target("max", "<=", 1))
        pauses = [after["at"] - before["at"] for before, after in itertools.pairwise(looks)]
        figures.add(f"{name}: pause between looks", "s", pauses, Target("min", ">=", 0.99 * _INTERVAL))
        flag.touch()
        made = time.time()
        ended = "SELECT count(*) FROM task_instance WHERE state = 'success'"
        wait_until(lambda: _count(system.database, ended) == count, what="all ended", patience=300, every=0.2)
        last = datetime.fromisoformat(_one(system.database, "SELECT max(end_date) FROM task_instance"))
        figures.add(f"{name}: all ended after", "s", [last.replace(tzinfo=UTC).timestamp() - made])
        twice = _count(system.database, "SELECT count(*) FROM task_event WHERE state = 'success'") - count
        figures.add(f"{name}: ended twice", "tasks", [twice], Target("max", "<=", 0))
    return figures


def _count(database: Path, statement: str) -> int:
    return int(_one(database, statement))


def _one(database: Path, statement: str) -> str:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as conn:
        return str(conn.execute(statement).fetchone()[0])
