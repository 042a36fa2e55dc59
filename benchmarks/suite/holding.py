"""Many waits: 10,000 timers, then 10,000 polls with an interval of 10 s, held by one engine.

Ten runs of a DAG with 1,000 tasks, each of which starts in a worker and defers. Measured are:

* memory (PSS of all processes) that the waits add, once no worker is left from starting them;
* CPU of all processes while everything waits;
* lateness when all come due together: a timer's by the moment that it was set to, a poll's by the moment at which
  the file came that it looks for, so that up to 10 s of it is the interval. The triggers end their tasks without a
  worker; so an instance's end is the moment at which its event was accepted.

A slow system gets one run of 1,000.
"""

from __future__ import annotations

import time
from typing import Any, Final

from benchmarks.figures import Figures
from benchmarks.processes import cpu_seconds, pss_bytes
from benchmarks.suite.scale import Scale
from benchmarks.systems.contract import BenchmarkError, System, wait_until

NAME: Final = "holding"
_TASKS: Final = 1000
#: Seconds of waiting that are watched: two intervals of the polls.
_WINDOW: Final = 20.0
#: Seconds after which an idle worker ends, so that its memory is not taken for that of waits.
_WORKER_IDLE: Final = 2.0


def measure(system: System, scale: Scale) -> Figures:
    """Memory added, CPU, and lateness, for each kind."""
    figures = Figures(NAME)
    runs = scale.times(system, 10, slow=1)
    for kind in ("timers", "polls"):
        _measure(figures, system, kind, runs)
    return figures


def _measure(figures: Figures, system: System, kind: str, runs: int) -> None:
    dag_id = f"hold_{kind}"
    flag = system.home / "flag"
    name = f"{runs * _TASKS:,} {kind}"
    with system.start("hello", "hold", BIDE__LOCAL_EXECUTOR__WORKER_IDLE_SEC=str(_WORKER_IDLE)):
        system.await_dag(dag_id)
        system.complete("hello")
        _settle()
        before = pss_bytes(system.roots)
        begun = time.time()
        # Enough for arming at a slow pace, and for the window in which all of them wait.
        moment = begun + runs * (200.0 if system.slow else 10.0) + 2 * _WINDOW + 10.0
        conf: dict[str, Any] = {"moment": moment, "flag": str(flag)}
        run_ids = [system.trigger(dag_id, conf) for _ in range(runs)]
        patience = (moment - begun if kind == "timers" else 1200) - _WINDOW
        wait_until(lambda: _all_wait(system, dag_id, run_ids), what=f"{name} waiting", patience=patience, every=0.5)
        figures.add(f"{name}: all waiting after", "s", [time.time() - begun])
        _settle()
        used, watched = cpu_seconds(system.roots), time.monotonic()
        time.sleep(min(_WINDOW, moment - time.time() - 2.0) if kind == "timers" else _WINDOW)
        share = 100 * (cpu_seconds(system.roots) - used) / (time.monotonic() - watched)
        figures.add(f"{name}: CPU while waiting", "% of a core", [share])
        figures.add(f"{name}: memory added", "MB PSS", [(pss_bytes(system.roots) - before) / 1e6])
        if kind == "polls":
            flag.touch()
            moment = time.time()
        figures.add(f"{name}: late", "s", _lateness(system, dag_id, run_ids, moment))


def _all_wait(system: System, dag_id: str, run_ids: list[str]) -> bool:
    for run_id in run_ids:
        if failed := system.count(dag_id, run_id, "failed"):
            raise BenchmarkError(f"{system.name}: {failed} tasks of run {run_id} failed before they waited")
        if system.count(dag_id, run_id, "deferred") < _TASKS:
            return False
    return True


def _settle() -> None:
    time.sleep(_WORKER_IDLE + 3.0)


def _lateness(system: System, dag_id: str, run_ids: list[str], moment: float) -> list[float]:
    late: list[float] = []
    for run_id in run_ids:
        system.await_run(dag_id, run_id, patience=1200, every=0.5)
        for one in system.instances(dag_id, run_id):
            if one.state != "success" or one.ended is None:
                raise BenchmarkError(f"{system.name}: {one.task_id} of run {run_id} ended as {one.state}")
            late.append(one.ended - moment)
    return late
