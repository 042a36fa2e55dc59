"""The suite ``past``: runs of past dates, and how long history is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.suite import backfill, retention
from benchmarks.suite.running import Job
from benchmarks.suite.scale import Scale
from benchmarks.systems.bide import Bide, BideOnPostgres

NAMES: Final = (backfill.NAME, retention.NAME)


def jobs(name: str, scale: Scale, airflow: Path | None, folder: Path) -> Iterator[Job]:
    """See :class:`~benchmarks.suite.running.Jobs`. `retention` fills a database, which only SQLite's can do."""
    bide = Bide(folder / "bide")
    if name == retention.NAME:
        yield Job(name, bide.name, lambda: retention.measure(bide, scale), bide)
        return
    for system in (bide, BideOnPostgres(folder / "bide-pg")):
        yield Job(name, system.name, lambda system=system: backfill.measure(system, scale), system)
