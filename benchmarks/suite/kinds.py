"""Round trips by the kind of wait: timer, poll and stream, each one at a time and 50 at once.

Each wait is over at once: a timer that is due, a poll whose first look finds something, a coroutine that yields
before it awaits anything. Measured is the way from the line before ``defer()`` to the first line of the resumed
method, as in :mod:`benchmarks.suite.deferral`.
"""

from __future__ import annotations

from typing import Final

from benchmarks.figures import Figures, Target
from benchmarks.suite.deferral import round_trips
from benchmarks.suite.scale import Scale
from benchmarks.systems.airflow import Airflow
from benchmarks.systems.contract import System

NAME: Final = "kinds"


def measure(system: System, scale: Scale) -> Figures:
    """For each kind, in milliseconds. Airflow has no polls."""
    figures = Figures(NAME)
    kinds = ("timer", "stream") if isinstance(system, Airflow) else ("timer", "poll", "stream")
    failed = 0
    with system.start("hello", "trips"):
        system.await_dag("timer_1")
        for kind in kinds:
            single, failed_single = round_trips(system, 1, scale.times(system, 200, slow=15, quick=5), dag=kind)
            figures.add(f"{kind}, one at a time", "ms", single, Target("median", "<=", 10), Target("p99", "<=", 60))
            many, failed_many = round_trips(system, 50, scale.times(system, 10, slow=5, quick=2), dag=kind)
            figures.add(f"{kind}, 50 at once", "ms", many, Target("median", "<=", 50), Target("p95", "<=", 150))
            failed += failed_single + failed_many
    figures.add("failed tasks of all", "tasks", [failed], Target("max", "<=", 0))
    return figures
