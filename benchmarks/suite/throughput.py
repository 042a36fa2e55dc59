"""Throughput: a run of 1,000 independent Python tasks that do nothing, with logs and history as always.

Tasks a second from the start to the end of the run, by the run's own dates. Bide is measured with warm workers (the
default) and, in an engine of its own, with a fresh fork per task (``isolation = "process"``). A first run, which is
not counted, has started the workers.
"""

from __future__ import annotations

from typing import Final

from benchmarks.figures import Figures, Target
from benchmarks.processes import cpu_seconds
from benchmarks.suite.scale import Scale
from benchmarks.systems.contract import BenchmarkError, System

NAME: Final = "throughput"
_TASKS: Final = 1000


def measure(system: System, scale: Scale) -> Figures:
    """Tasks a second, and CPU time per task."""
    figures = Figures(NAME)
    repetitions = scale.times(system, 5, slow=1)
    _measure(figures, system, "1,000 no-op tasks", repetitions, Target("median", ">=", 300))
    if not system.slow:
        settings = {"BIDE__LOCAL_EXECUTOR__ISOLATION": "process"}
        _measure(
            figures,
            system,
            "1,000 no-op tasks, a process each",
            repetitions,
            Target("median", ">=", 150),
            **settings,
        )
    return figures


def _measure(
    figures: Figures, system: System, name: str, repetitions: int, target: Target, **settings: str
) -> None:
    rates: list[float] = []
    costs: list[float] = []
    with system.start("hello", "noop", **settings):
        system.await_dag("noop")
        system.complete("hello" if system.slow else "noop", every=0.1)
        for _ in range(repetitions):
            before = cpu_seconds(system.roots)
            run = system.complete("noop", patience=1200, every=0.25)
            costs.append(1000 * (cpu_seconds(system.roots) - before) / _TASKS)
            if run.begun is None or run.ended is None:
                raise BenchmarkError(f"{system.name}: run {run.run_id} has no dates")
            rates.append(_TASKS / (run.ended - run.begun))
    figures.add(name, "tasks/s", rates, target)
    figures.add(f"{name}: CPU", "ms/task", costs)
