"""Mapping: runs with 10,000 instances of a task that does nothing, and large runs of tasks that are not mapped.

* Seconds from the start to the end of the run, by its own dates: expanded over a list of the DAG file, over what a
  task returns, and with a task behind that sums up the results.
* Resident memory that the engine has more after such runs than before. Workers come and go, and are not counted.
* Milliseconds per task of a run of 10,000 plain tasks, as a share of those of runs of 100.

Runs that are not counted have started the workers.
"""

from __future__ import annotations

import statistics
from typing import Final

from benchmarks.figures import Figures, Target
from benchmarks.processes import resident_bytes
from benchmarks.suite.scale import Scale
from benchmarks.systems.contract import BenchmarkError, System

NAME: Final = "mapping"
_COUNT: Final = 10_000
_LITERAL, _RESULT, _REDUCED = "mapped_literal", "mapped_result", "mapped_reduced"
_OVER: Final = {_LITERAL: "over a list of the file", _RESULT: "over a result", _REDUCED: "and their sum"}
#: Slots that don't hold a run up: what is measured is not a pool.
_SETTINGS: Final = {"BIDE__CORE__DEFAULT_POOL_TASK_SLOT_COUNT": "-1"}


def measure(system: System, scale: Scale) -> Figures:
    """Seconds of mapped runs, memory, and what a task of a large run costs."""
    figures = Figures(NAME)
    repetitions = scale.times(system, 3, slow=1)
    with system.start("hello", "mapped", **_SETTINGS):
        for dag_id in _OVER:
            system.await_dag(dag_id)
        system.complete("hello" if system.slow else _LITERAL, patience=600)
        before = resident_bytes(system.roots)
        for dag_id, name in _OVER.items():
            seconds = [_seconds(system, dag_id) for _ in range(repetitions)]
            figures.add(f"{_COUNT:,} instances {name}", "s", seconds, Target("median", "<=", 15))
        more = (resident_bytes(system.roots) - before) / 2**20
        figures.add("memory of the engine added by these runs", "MiB", [more], Target("max", "<=", 64))
    if not system.slow:
        _measure_plain(figures, system, repetitions)
    return figures


def _measure_plain(figures: Figures, system: System, repetitions: int) -> None:
    with system.start("hello", "sizes", **_SETTINGS):
        for count in (100, _COUNT):
            system.await_dag(f"plain_{count}")
        for _ in range(5):
            system.complete("plain_100", every=0.05)
        small = [10 * _seconds(system, "plain_100") for _ in range(10 * repetitions)]
        large = [1000 * _seconds(system, f"plain_{_COUNT}") / _COUNT for _ in range(repetitions)]
    figures.add("a task in a run of 100", "ms", small)
    figures.add("a task in a run of 10,000", "ms", large)
    figures.add(
        "the latter as a share of the former",
        "%",
        [100 * one / statistics.median(small) for one in large],
        Target("median", "<=", 120),
    )


def _seconds(system: System, dag_id: str) -> float:
    run = system.complete(dag_id, patience=1200, every=0.25)
    if run.begun is None or run.ended is None or run.state != "success":
        raise BenchmarkError(f"{system.name}: run {run.run_id} of {dag_id} has ended as {run.state}")
    return run.ended - run.begun
