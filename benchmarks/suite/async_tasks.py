"""Async tasks: a run with 300 instances that sleep for a second each, in workers that they share.

* Seconds from the start to the end of the run, by its own dates. One after the other they would sleep for five
  minutes, in the 32 slots of the default settings for ten seconds.

A run that is not counted has started the workers.
"""

from __future__ import annotations

from typing import Final

from benchmarks.figures import Figures, Target
from benchmarks.suite.scale import Scale
from benchmarks.systems.contract import BenchmarkError, System

NAME: Final = "async"
_COUNT: Final = 300
_SETTINGS: Final = {"BIDE__CORE__DEFAULT_POOL_TASK_SLOT_COUNT": "-1"}


def measure(system: System, scale: Scale) -> Figures:
    """Seconds of runs of many coroutines."""
    figures = Figures(NAME)
    with system.start("hello", "napping", **_SETTINGS):
        system.await_dag("napping")
        system.complete("hello" if system.slow else "napping", patience=600)
        seconds = [_seconds(system) for _ in range(scale.times(system, 5, slow=1))]
    figures.add(f"{_COUNT} tasks that sleep for 1 s", "s", seconds, Target("median", "<=", 3))
    return figures


def _seconds(system: System) -> float:
    run = system.complete("napping", patience=600, every=0.1)
    if run.begun is None or run.ended is None or run.state != "success":
        raise BenchmarkError(f"{system.name}: run {run.run_id} of napping has ended as {run.state}")
    return run.ended - run.begun
