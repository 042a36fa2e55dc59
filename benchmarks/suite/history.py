"""History: the round trip and the chain gap with 1,000,000 finished task instances in the database.

One run of 1,000 tasks is made in earnest. Then its rows (run, instances, history) are copied under new ids,
straight into the SQLite file, until there are a million; the engine is started on that file, and both measurements
are made again. The same measurements before the copying are the comparison.
"""

from __future__ import annotations

import statistics
from typing import Final

from benchmarks.figures import Figures, Target
from benchmarks.suite import chain, deferral
from benchmarks.suite.filling import fill
from benchmarks.suite.scale import Scale
from benchmarks.systems.bide import Bide

NAME: Final = "history"
_PER_RUN: Final = 1000


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
    fill(system.database, model, copies=instances // _PER_RUN - 1)
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
