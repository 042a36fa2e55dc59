"""Start and idle: from launching the command to the first finished task, and what it costs to do nothing.

An empty home with one DAG file. The clock starts before the process is launched; a run is asked for by REST until
it is accepted, and the clock stops when the API says that it is a success. Afterwards the system is left alone for
a while, and then CPU and memory of all its processes are measured over a window without requests. Memory is PSS:
shared pages count once.
"""

from __future__ import annotations

import time
from typing import Final

from benchmarks.figures import Figures, Target
from benchmarks.processes import cpu_seconds, pss_bytes
from benchmarks.suite.scale import Scale
from benchmarks.systems.contract import System, wait_until

NAME: Final = "startup"


def measure(system: System, scale: Scale) -> Figures:
    """Seconds, percent of one core, megabytes (10^6 bytes)."""
    figures = Figures(NAME)
    launches = [_launch(system) for _ in range(scale.times(system, 5, slow=2))]
    figures.add("API answers", "s", [answered for answered, _ in launches])
    figures.add("first finished task", "s", [finished for _, finished in launches], Target("median", "<=", 2))
    _measure_idle(figures, system, settle=3 if scale.quick else 20, window=5 if scale.quick else 30)
    return figures


def _launch(system: System) -> tuple[float, float]:
    """Seconds until the API answered and until the first run had ended."""
    system.prepare()
    system.install("hello")
    begun = time.monotonic()
    with system.restart():
        answered = time.monotonic() - begun
        run_id = wait_until(lambda: system.try_trigger("hello"), what="first run", patience=180)
        system.await_run("hello", run_id)
        return answered, time.monotonic() - begun


def _measure_idle(figures: Figures, system: System, *, settle: float, window: float) -> None:
    with system.start("hello"):
        system.await_dag("hello")
        system.complete("hello")
        time.sleep(settle)
        before, begun = cpu_seconds(system.roots), time.monotonic()
        time.sleep(window)
        used = cpu_seconds(system.roots) - before
        figures.add("idle: CPU", "% of a core", [100 * used / (time.monotonic() - begun)], Target("max", "<=", 1))
        figures.add("idle: memory", "MB PSS", [pss_bytes(system.roots) / 1e6], Target("max", "<=", 250))
