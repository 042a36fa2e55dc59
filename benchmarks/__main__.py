"""``python -m benchmarks SUITE``: run a suite, print tables next to the targets, write JSON."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from benchmarks import report
from benchmarks.figures import Figure
from benchmarks.suite import core, past, waits
from benchmarks.suite.running import Job, Jobs, run
from benchmarks.suite.scale import Scale


class Suite(StrEnum):
    """Suites that there are."""

    CORE = "core"
    WAITS = "waits"
    PAST = "past"


_SUITES: Final[dict[Suite, tuple[Jobs, tuple[str, ...]]]] = {
    Suite.CORE: (core.jobs, core.NAMES),
    Suite.WAITS: (waits.jobs, waits.NAMES),
    Suite.PAST: (past.jobs, past.NAMES),
}


def main(
    suite: Annotated[Suite, typer.Argument(help="Which suite.")],
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write all samples to this file.")] = None,
    airflow: Annotated[
        Path | None,
        typer.Option(metavar="PYTHON", help="Interpreter of an environment with Airflow 3.3: measure that too."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this benchmark of the suite; may be repeated."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Few repetitions, to try the benchmarks themselves.")
    ] = False,
) -> None:
    """Measure what Bide promises. The exit code is 0 if every benchmark could be measured, whatever it showed."""
    jobs, known = _SUITES[suite]
    names = only or list(known)
    if unknown := sorted(set(names) - set(known)):
        raise typer.BadParameter(f"{suite} has no benchmark {', '.join(unknown)}; it has {', '.join(known)}")
    # Wide enough for the tables where the output is no terminal.
    console = Console() if sys.stdout.isatty() else Console(width=120)
    figures: list[Figure] = []
    failures: list[dict[str, str]] = []
    about = report.machine()
    console.print(f"{suite}: {about['cpus']} cores, Python {about['python']}, Bide {about['bide']}")
    with tempfile.TemporaryDirectory(prefix="bide-bench-", ignore_cleanup_errors=True) as folder:
        for benchmark, system, found in run(_each(jobs, names, Scale(quick), airflow, Path(folder))):
            if isinstance(found, Exception):
                failures.append({"benchmark": benchmark, "system": system, "error": str(found)})
                console.print(f"[red]{benchmark} on {system} could not be measured:[/] {found}")
            else:
                figures += found
                console.print(report.table(found))
            if json is not None:
                report.save(json, figures, failures, about)
    raise typer.Exit(1 if failures else 0)


def _each(jobs: Jobs, names: list[str], scale: Scale, airflow: Path | None, folder: Path) -> Iterator[Job]:
    for name in names:
        yield from jobs(name, scale, airflow, folder)


if __name__ == "__main__":
    typer.run(main)
