"""Throughput: Python tasks that do nothing, with logs and history as always.

* one run of 5,000 independent tasks; tasks a second from the start to the end of the run, by the run's own dates;
* 100 runs of 50 tasks that are asked for at once; from the first start to the last end;
* one run of 5,000 with a fresh fork per task (``isolation = "process"``), in an engine of its own.

A first run, which is not counted, has started the workers. CPU is that of all processes of the system.
"""

from __future__ import annotations

from typing import Final

from benchmarks.figures import Figures, Target
from benchmarks.processes import cpu_seconds
from benchmarks.suite.scale import Scale
from benchmarks.systems.contract import BenchmarkError, Run, System

NAME: Final = "throughput"
_WIDE: Final = 5000
_NARROW: Final = 50
_RUNS: Final = 100


def measure(system: System, scale: Scale) -> Figures:
    """Tasks a second, and CPU time per task."""
    figures = Figures(NAME)
    repetitions = scale.times(system, 3, slow=1)
    target = Target("median", ">=", 1000)
    with system.start("hello", "narrow", "wide"):
        _warm_up(system)
        _measure(figures, system, f"{_WIDE:,} no-op tasks", repetitions, target, runs=1, width=_WIDE)
        runs = 5 if scale.quick else _RUNS
        name = f"{runs} runs of {_NARROW} no-op tasks"
        _measure(figures, system, name, repetitions, target, runs=runs, width=_NARROW)
    if not system.slow:
        with system.start("hello", "narrow", "wide", BIDE__LOCAL_EXECUTOR__ISOLATION="process"):
            _warm_up(system)
            name = f"{_WIDE:,} no-op tasks, a process each"
            _measure(figures, system, name, 1, Target("median", ">=", 150), runs=1, width=_WIDE)
    return figures


def _warm_up(system: System) -> None:
    for width in (_WIDE, _NARROW):
        system.await_dag(f"noop_{width}")
    system.complete(f"noop_{_NARROW}", every=0.1)


def _measure(
    figures: Figures, system: System, name: str, repetitions: int, target: Target, *, runs: int, width: int
) -> None:
    rates: list[float] = []
    costs: list[float] = []
    for _ in range(repetitions):
        before = cpu_seconds(system.roots)
        begun, ended = _span(system, [_wait(system, one, width) for one in _ask(system, runs, width)])
        costs.append(1000 * (cpu_seconds(system.roots) - before) / (runs * width))
        rates.append(runs * width / (ended - begun))
    figures.add(name, "tasks/s", rates, target)
    figures.add(f"{name}: CPU", "ms/task", costs)


def _ask(system: System, runs: int, width: int) -> list[str]:
    return [system.trigger(f"noop_{width}") for _ in range(runs)]


def _wait(system: System, run_id: str, width: int) -> Run:
    run = system.await_run(f"noop_{width}", run_id, patience=1200, every=0.25)
    if run.state != "success":
        raise BenchmarkError(f"{system.name}: run {run_id} of noop_{width} is {run.state}")
    return run


def _span(system: System, runs: list[Run]) -> tuple[float, float]:
    """From the first start to the last end, in Unix seconds."""
    begun = [run.begun for run in runs if run.begun is not None]
    ended = [run.ended for run in runs if run.ended is not None]
    if len(begun) < len(runs) or len(ended) < len(runs):
        raise BenchmarkError(f"{system.name}: a run has no dates")
    return min(begun), max(ended)
