"""The suite ``core``: which benchmarks there are, in which order, and on which systems each runs."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.figures import Figure, Figures
from benchmarks.processes import Usage
from benchmarks.suite import chain, deferral, history, holding, imports, install, startup, throughput
from benchmarks.suite.scale import Scale
from benchmarks.systems.airflow import Airflow
from benchmarks.systems.bide import Bide
from benchmarks.systems.contract import System

#: Those that drive a running system. `history` fills a database, which only Bide's can do.
_DRIVEN: Final[dict[str, Callable[[System, Scale], Figures]]] = {
    deferral.NAME: deferral.measure,
    chain.NAME: chain.measure,
    throughput.NAME: throughput.measure,
    startup.NAME: startup.measure,
    holding.NAME: holding.measure,
}
NAMES: Final = (*_DRIVEN, imports.NAME, install.NAME, history.NAME)

Job = tuple[str, str, Callable[[], Figures], System | None]


def run(
    names: Sequence[str], scale: Scale, airflow: Path | None
) -> Iterator[tuple[str, str, list[Figure] | Exception]]:
    """Run the benchmarks `names`, each on Bide and then, with the interpreter `airflow`, on that Airflow.

    Yields (benchmark, system, figures); an exception in place of figures says why there are none.
    """
    with tempfile.TemporaryDirectory(prefix="bide-bench-", ignore_cleanup_errors=True) as folder:
        for name in names:
            for benchmark, system, job, driven in _jobs(name, scale, airflow, Path(folder)):
                yield benchmark, system, _watched(job, driven, system)


def _jobs(name: str, scale: Scale, airflow: Path | None, folder: Path) -> Iterator[Job]:
    bide = Bide(folder / "bide")
    other = None if airflow is None else Airflow(folder / "airflow", airflow)
    if name in _DRIVEN:
        for system in (bide, other):
            if system is not None:
                yield name, system.name, lambda system=system: _DRIVEN[name](system, scale), system
    elif name == imports.NAME:
        python = Path(sys.executable)
        yield name, Bide.name, lambda: imports.measure_python(python, "from bide import DAG, task"), None
        if airflow is not None:
            statement = "from airflow.sdk import DAG, task"
            yield name, Airflow.name, lambda: imports.measure_python(airflow, statement), None
    elif name == install.NAME:
        yield name, Bide.name, install.measure_fresh, None
        if airflow is not None:
            yield name, Airflow.name, lambda: install.measure_existing(airflow), None
    else:
        yield name, Bide.name, lambda: history.measure_bide(bide, scale), bide


def _watched(job: Callable[[], Figures], driven: System | None, system: str) -> list[Figure] | Exception:
    """The figures of `job`, with what others on the machine used meanwhile; or the exception that ended it."""
    before = Usage.now()
    try:
        found = job().found
    except Exception as error:  # one benchmark that can't be measured must not cost the others' figures
        return error
    finally:
        if driven is not None:
            with suppress(OSError):
                driven.stop()
    foreign = before.foreign_percent_until(Usage.now())
    return [replace(figure, system=system, foreign=foreign) for figure in found]
