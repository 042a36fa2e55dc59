"""Assets: from the event to the run that it calls for, and many events with many consumers.

* one at a time: from the last line of a task that makes an event to the first line of the task that runs by it;
  each event after the first line of the run before;
* ``each``: 1,000 events of one asset, made by the instances of a mapped task, for 10 DAGs that run once for each;
  until 10,000 runs have ended. Counted are runs that are missing, or one too many, and events that a DAG had twice
  or never;
* ``batch``: the same for 10 DAGs with one run at a time, which takes all that has come.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from benchmarks.figures import Figures, Target
from benchmarks.suite.scale import Scale
from benchmarks.systems.bide import Bide
from benchmarks.systems.contract import wait_until

NAME: Final = "assets"
_CONSUMERS: Final = 10
#: Events before the measurement: workers are up.
_WARM_UP: Final = 5


def measure(system: Bide, scale: Scale) -> Figures:
    """Latency in ms, runs by policy, and how long they take."""
    figures = Figures(NAME)
    events = 100 if scale.quick else 1_000
    with system.start("hello", "events"):
        for dag_id in ("consume", f"each_{_CONSUMERS - 1}", f"batch_{_CONSUMERS - 1}"):
            system.await_dag(dag_id)
        latency = _latencies(system, scale.times(system, 200, slow=0, quick=10))
        figures.add("event to its run's first line", "ms", latency, Target("median", "<=", 20))
        for policy in ("each", "batch"):
            begun = time.monotonic()
            system.complete(f"make_{policy}_{events}", every=0.25)
            made = time.monotonic() - begun
            runs = _await_end(system.database, policy, events)
            took = time.monotonic() - begun
            figures.add(f"{policy}: {events:,} events made", "s", [made])
            figures.add(f"{policy}: all runs ended", "s", [took])
            wrong = abs(runs - events * _CONSUMERS) if policy == "each" else 0
            few = () if policy == "each" else (Target("max", "<=", events * _CONSUMERS / 10),)
            figures.add(f"{policy}: runs", "runs", [runs], *few)
            wrong += _not_once(system.database, policy, events)
            figures.add(
                f"{policy}: runs too few or too many, events not had once", "", [wrong], Target("max", "<=", 0)
            )
    return figures


def _latencies(system: Bide, repetitions: int) -> list[float]:
    samples: list[float] = []
    for number in range(_WARM_UP + repetitions):
        system.take_marks("made")
        system.trigger("produce")
        marks = wait_until(lambda: _both(system.marks_file), what="both moments", patience=30, every=0.005)
        if number >= _WARM_UP:
            samples.append(1000 * (marks["taken"] - marks["made"]))
    return samples


def _both(file: Path) -> dict[str, float] | None:
    if not file.exists():
        return None
    rows = [json.loads(line) for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")]
    found = {row["kind"]: row["at"] for row in rows}
    return found if len(found) == 2 else None


def _await_end(database: Path, policy: str, events: int) -> int:
    """Wait until every event has its run and all of those have ended; how many there are."""
    open_ = (
        "SELECT (SELECT count(*) FROM dag_run WHERE dag_id LIKE ? AND state IN ('queued', 'running'))"
        " + (SELECT count(*) FROM asset_delivery WHERE dag_id LIKE ? AND run_uid IS NULL)"
    )
    pattern = f"{policy}_%"
    had = "SELECT count(*) FROM asset_delivery WHERE dag_id LIKE ?"
    count = _counter(database)
    wait_until(
        lambda: count(had, pattern) == events * _CONSUMERS and count(open_, pattern, pattern) == 0,
        what=f"all runs by {policy}",
        patience=900,
        every=0.25,
    )
    return count("SELECT count(*) FROM dag_run WHERE dag_id LIKE ?", pattern)


def _not_once(database: Path, policy: str, events: int) -> int:
    """Events that a DAG has not had exactly once, by a run that has succeeded."""
    had = (
        "SELECT count(*) FROM asset_delivery d JOIN dag_run r ON r.uid = d.run_uid"
        " WHERE d.dag_id LIKE ? AND r.state = 'success' AND r.dag_id = d.dag_id"
    )
    return abs(_counter(database)(had, f"{policy}_%") - events * _CONSUMERS)


def _counter(database: Path) -> Callable[..., int]:
    def count(query: str, *values: str) -> int:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as connection:
            return connection.execute(query, values).fetchone()[0]

    return count
