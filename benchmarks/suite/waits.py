"""The suite ``waits``: what waiting costs, and how fast it is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from benchmarks.figures import Figures
from benchmarks.suite import behind, equal_polls, external_work, failover, kinds, multitude, soak, timers
from benchmarks.suite.running import Job
from benchmarks.suite.scale import Scale
from benchmarks.systems.airflow import Airflow
from benchmarks.systems.bide import Bide, BideOnPostgres
from benchmarks.systems.bide_apart import BideApart

_ON_SQLITE: Final[dict[str, Callable[[Bide, Scale], Figures]]] = {
    behind.NAME: behind.measure,
    multitude.NAME: multitude.measure,
    equal_polls.NAME: equal_polls.measure,
    timers.NAME: timers.measure,
    soak.NAME: soak.measure,
    external_work.NAME: external_work.measure,
}
NAMES: Final = (kinds.NAME, failover.NAME, *_ON_SQLITE)


def jobs(name: str, scale: Scale, airflow: Path | None, folder: Path) -> Iterator[Job]:
    """See :class:`~benchmarks.suite.running.Jobs`."""
    bide = Bide(folder / "bide")
    if name == failover.NAME:
        apart = BideApart(folder / "bide-apart")
        yield Job(name, apart.name, lambda: failover.measure(apart, scale), apart)
        return
    if name != kinds.NAME:
        yield Job(name, bide.name, lambda: _ON_SQLITE[name](bide, scale), bide)
        return
    for system in (bide, BideOnPostgres(folder / "bide-pg")):
        yield Job(name, system.name, lambda system=system: kinds.measure(system, scale), system)
    if airflow is not None:
        other = Airflow(folder / "airflow", airflow)
        yield Job(name, other.name, lambda: kinds.measure(other, scale), other)
