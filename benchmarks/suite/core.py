"""The suite ``core``: one run after the other, on the embedded default."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from benchmarks.figures import Figures
from benchmarks.suite import (
    airflow_names,
    assets,
    async_tasks,
    chain,
    dag_files,
    deferral,
    history,
    holding,
    imports,
    install,
    mapping,
    startup,
    throughput,
    watchers,
)
from benchmarks.suite.running import Job
from benchmarks.suite.scale import Scale
from benchmarks.systems.airflow import Airflow
from benchmarks.systems.bide import Bide
from benchmarks.systems.contract import System

#: Those that drive a running system. `history` fills a database, which only Bide's can do.
_DRIVEN: Final[dict[str, Callable[[System, Scale], Figures]]] = {
    deferral.NAME: deferral.measure,
    chain.NAME: chain.measure,
    throughput.NAME: throughput.measure,
    mapping.NAME: mapping.measure,
    async_tasks.NAME: async_tasks.measure,
    startup.NAME: startup.measure,
    holding.NAME: holding.measure,
}
NAMES: Final = (
    *_DRIVEN,
    imports.NAME,
    install.NAME,
    history.NAME,
    dag_files.NAME,
    assets.NAME,
    watchers.NAME,
    airflow_names.NAME,
)


def jobs(name: str, scale: Scale, airflow: Path | None, folder: Path) -> Iterator[Job]:
    """See :class:`~benchmarks.suite.running.Jobs`."""
    bide = Bide(folder / "bide")
    other = None if airflow is None else Airflow(folder / "airflow", airflow)
    if name in _DRIVEN:
        for system in (bide, other):
            if system is not None:
                yield Job(name, system.name, lambda system=system: _DRIVEN[name](system, scale), system)
    elif name == imports.NAME:
        python = Path(sys.executable)
        yield Job(name, Bide.name, lambda: imports.measure_python(python, "from bide import DAG, task"))
        if airflow is not None:
            statement = "from airflow.sdk import DAG, task"
            yield Job(name, Airflow.name, lambda: imports.measure_python(airflow, statement))
    elif name == install.NAME:
        yield Job(name, Bide.name, install.measure_fresh)
        if airflow is not None:
            yield Job(name, Airflow.name, lambda: install.measure_existing(airflow))
    elif name == airflow_names.NAME:
        yield Job(name, Bide.name, lambda: airflow_names.measure_bide(folder / "names", scale))
    elif name == assets.NAME:
        yield Job(name, Bide.name, lambda: assets.measure(bide, scale), bide)
    elif name == watchers.NAME:
        yield Job(name, Bide.name, lambda: watchers.measure(bide, scale), bide)
    elif name == dag_files.NAME:
        yield Job(name, Bide.name, lambda: dag_files.measure_bide(bide, scale), bide)
    else:
        yield Job(name, Bide.name, lambda: history.measure_bide(bide, scale), bide)
