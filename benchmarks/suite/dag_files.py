"""DAG files: many of them from nothing, what they cost while nothing changes, and how soon a change is live.

A folder of files with one DAG of ten tasks each, written before the engine is launched on an empty home. The clock
starts before the launch and stops when the API counts all DAGs. Then the engine is left alone, and its CPU is
measured over a window without requests. Then one file after the other is rewritten with another description: the
clock starts when the new file is in its place, and stops when the API shows it. What the folder costs is the
difference to an engine that has one file. With five thousand files the same is done, without targets. CPU from
nothing is that of all its processes.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from benchmarks.figures import Figures, Target
from benchmarks.processes import cpu_seconds
from benchmarks.suite.scale import Scale
from benchmarks.systems.bide import Bide
from benchmarks.systems.contract import wait_until

NAME: Final = "dag_files"
_DAG: Final = """
from bide import DAG, EmptyOperator

with DAG("many_{number:04}", schedule=None, description="{text}", tags=["many"]):
    before = None
    for task in range(10):
        one = EmptyOperator(task_id=f"t{{task}}", retries=1)
        if before is not None:
            before >> one
        before = one
"""


def measure_bide(system: Bide, scale: Scale) -> Figures:
    """Seconds, percent of one core, milliseconds."""
    figures = Figures(NAME)
    usual, many = (50, 200) if scale.quick else (500, 5_000)
    alone = _measure(figures, system, scale, 1)
    with_files = _measure(
        figures,
        system,
        scale,
        usual,
        all_in=Target("median", "<=", 8),
        change=Target("p95", "<=", 300),
    )
    figures.add(
        f"{usual:,} files: what the folder costs",
        "% of a core",
        [max(0.0, with_files - alone)],
        Target("max", "<=", 0.5),
    )
    _measure(figures, system, scale, many)
    return figures


def _measure(
    figures: Figures,
    system: Bide,
    scale: Scale,
    count: int,
    *,
    all_in: Target | None = None,
    change: Target | None = None,
) -> float:
    """Idle CPU, in percent of a core."""
    taken: list[float] = []
    used: list[float] = []
    for _ in range(1 if scale.quick or all_in is None else 3):
        system.prepare()
        system.dags_folder.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            _file(system, number).write_text(_DAG.format(number=number, text="first"))
        begun = time.monotonic()
        with system.restart():
            wait_until(lambda: _known(system) == count, what=f"{count} DAGs", patience=600, every=0.1)
            taken.append(time.monotonic() - begun)
            used.append(cpu_seconds(system.roots))
    label = f"{count:,} files"
    figures.add(f"{label}: from nothing", "s", taken, *_given(all_in))
    figures.add(f"{label}: CPU from nothing", "s", used)
    with system.restart():
        wait_until(lambda: _known(system) == count, what=f"{count} DAGs", patience=600, every=0.1)
        # The files are read once more by an engine that has just begun.
        time.sleep(3 if scale.quick else 5 + max(taken))
        idle = _idle(system, 5 if scale.quick else 30)
        figures.add(f"{label}: idle CPU", "% of a core", [idle])
        changes = [_change(system, number) for number in range(min(count, 3 if scale.quick else 20))]
        figures.add(f"{label}: a change is live", "ms", changes, *_given(change))
    return idle


def _given(target: Target | None) -> tuple[Target, ...]:
    return () if target is None else (target,)


def _file(system: Bide, number: int) -> Path:
    return system.dags_folder / f"many_{number:04}.py"


def _known(system: Bide) -> int:
    answer = system.request("GET", "/api/v2/dags", params={"limit": 1})
    return answer.json()["total_entries"] if answer.status_code == 200 else 0


def _idle(system: Bide, window: float) -> float:
    before, begun = cpu_seconds(system.roots), time.monotonic()
    time.sleep(window)
    return 100 * (cpu_seconds(system.roots) - before) / (time.monotonic() - begun)


def _change(system: Bide, number: int) -> float:
    """Milliseconds from the change of a file until the API shows it."""
    text = f"changed at {time.time_ns()}"
    path = _file(system, number)
    beside = path.with_suffix(".new")
    beside.write_text(_DAG.format(number=number, text=text))

    def look() -> bool:
        answer = system.request("GET", f"/api/v2/dags/many_{number:04}")
        return answer.json().get("description") == text

    begun = time.monotonic()
    beside.rename(path)
    wait_until(look, what="the change", patience=60, every=0.005)
    # Changes that come close together are told together.
    passed = time.monotonic() - begun
    time.sleep(0.5)
    return 1000 * passed
