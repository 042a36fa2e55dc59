"""Backfills: a year of daily runs of five tasks, and what scheduled runs of other DAGs notice of it.

From the moment at which the backfill was stored to its end, by its own dates. Five DAGs that run once a second
have their delay measured without and with backfills beside them: from the moment at which a run is due to its end,
which is that of its only task. A first backfill, which is not counted, has started the workers.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any, Final

from benchmarks.figures import Figures, Target, percentile
from benchmarks.suite.scale import Scale
from benchmarks.systems.bide import Bide
from benchmarks.systems.contract import BenchmarkError, wait_until

NAME: Final = "backfill"
#: The year of the first backfill that counts.
_FIRST_YEAR: Final = 2011
#: Seconds for which the other DAGs run alone.
_ALONE: Final = 15.0


def measure(system: Bide, scale: Scale) -> Figures:
    """Seconds of a backfill; delays of scheduled runs in milliseconds."""
    figures = Figures(NAME)
    repetitions = scale.times(system, 5, slow=0)
    with system.start("daily"):
        system.await_dag("daily")
        _backfill(system, 2010)
        years = iter(range(_FIRST_YEAR, _FIRST_YEAR + 2 * repetitions))
        alone = [_backfill(system, next(years)) for _ in range(repetitions)]
        figures.add("365 runs of 5 tasks", "s", alone, Target("median", "<=", 3))
        system.install("ticking")
        system.await_dag("ticking_4")
        began = time.time()
        time.sleep(2.0 if scale.quick else _ALONE)
        idle = _delays(system, began)
        began = time.time()
        figures.add(
            "the same beside scheduled runs", "s", [_backfill(system, next(years)) for _ in range(repetitions)]
        )
        beside = _delays(system, began)
    figures.add("scheduled runs, no backfill", "ms", idle)
    figures.add("scheduled runs beside backfills", "ms", beside)
    more = percentile(beside, 0.95) - percentile(idle, 0.95)
    figures.add("scheduled runs: more at p95", "ms", [more], Target("max", "<=", 100))
    return figures


def _backfill(system: Bide, year: int) -> float:
    """Backfill 365 days from the first day of `year` on; how long it took."""
    body = {"dag_id": "daily", "from_date": f"{year}-01-01T00:00:00Z", "to_date": f"{year}-12-31T00:00:00Z"}
    made = system.request("POST", "/api/v2/backfills", json=body)
    if made.status_code != 200:
        raise BenchmarkError(f"{system.name}: the backfill was refused: {made.text[:300]}")
    path = f"/api/v2/backfills/{made.json()['id']}"

    def look() -> dict[str, Any] | None:
        row = system.request("GET", path).json()
        return row if row["completed_at"] is not None else None

    row = wait_until(look, what=f"{system.name}: end of the backfill of {year}", patience=300, every=0.25)
    if row["counts"] != {"success": row["total"]}:
        raise BenchmarkError(f"{system.name}: the backfill of {year} came to {row['counts']}")
    return _seconds(row["completed_at"]) - _seconds(row["created_at"])


def _delays(system: Bide, since: float) -> list[float]:
    """Milliseconds from due to done, of runs that were due after `since` and have ended."""
    return [delay for number in range(5) for delay in _delays_of(system, f"ticking_{number}", since)]


def _delays_of(system: Bide, dag_id: str, since: float) -> list[float]:
    found: list[float] = []
    rows: list[dict[str, Any]] = []
    while not rows or (len(rows) % 1000 == 0 and _seconds(rows[-1]["run_after"]) > since):
        query = f"limit=1000&offset={len(rows)}"
        page = system.request("GET", f"/api/v2/dags/{dag_id}/dagRuns?{query}").json()["dag_runs"]
        if not page:
            break
        rows += page
    for row in rows:
        if row["end_date"] is not None and _seconds(row["run_after"]) >= since:
            found.append(1000 * (_seconds(row["end_date"]) - _seconds(row["run_after"])))
    return found


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
