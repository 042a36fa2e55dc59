"""Runs benchmarks one after the other and sees to what all of them have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Protocol

from benchmarks.figures import Figure, Figures
from benchmarks.processes import Usage
from benchmarks.suite.scale import Scale
from benchmarks.systems.contract import System


class Job(NamedTuple):
    """One benchmark on one system; `driven` is stopped when it is over, however that ends."""

    benchmark: str
    system: str
    measure: Callable[[], Figures]
    driven: System | None = None


class Jobs(Protocol):
    """The benchmark `name` of a suite: on Bide and, where it can be, on the Airflow of that interpreter."""

    def __call__(self, name: str, scale: Scale, airflow: Path | None, folder: Path) -> Iterable[Job]: ...


def run(jobs: Iterable[Job]) -> Iterator[tuple[str, str, list[Figure] | Exception]]:
    """Yields (benchmark, system, figures); an exception in place of figures says why there are none."""
    for job in jobs:
        yield job.benchmark, job.system, _watched(job)


def _watched(job: Job) -> list[Figure] | Exception:
    """The figures of `job`, with what others on the machine used meanwhile; or the exception that ended it."""
    before = Usage.now()
    try:
        found = job.measure().found
    except Exception as error:  # one benchmark that can't be measured must not cost the others' figures
        return error
    finally:
        if job.driven is not None:
            with suppress(OSError):
                job.driven.stop()
    foreign = before.foreign_percent_until(Usage.now())
    return [replace(figure, system=job.system, foreign=foreign) for figure in found]
