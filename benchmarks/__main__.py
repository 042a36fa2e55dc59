"""``python -m benchmarks core``: run a suite, print tables next to the targets, write JSON."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import report
from benchmarks.figures import Figure
from benchmarks.suite import core
from benchmarks.suite.scale import Scale


class Suite(StrEnum):
    """Suites that there are."""

    CORE = "core"


def main(
    suite: Annotated[Suite, typer.Argument(help="Which suite.")],
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write all samples to this file.")] = None,
    airflow: Annotated[
        Path | None,
        typer.Option(metavar="PYTHON", help="Interpreter of an environment with Airflow 3.3: measure that too."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help=f"Only this benchmark, of {', '.join(core.NAMES)}; may be repeated."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Few repetitions, to try the benchmarks themselves.")
    ] = False,
) -> None:
    """Measure what Bide promises. The exit code is 0 if every benchmark could be measured, whatever it showed."""
    names = only or list(core.NAMES)
    if unknown := sorted(set(names) - set(core.NAMES)):
        raise typer.BadParameter(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(core.NAMES)}")
    # Wide enough for the tables where the output is no terminal.
    console = Console() if sys.stdout.isatty() else Console(width=120)
    figures: list[Figure] = []
    failures: list[dict[str, str]] = []
    about = report.machine()
    console.print(f"{suite}: {about['cpus']} cores, Python {about['python']}, Bide {about['bide']}")
    for benchmark, system, found in core.run(names, Scale(quick), airflow):
        if isinstance(found, Exception):
            failures.append({"benchmark": benchmark, "system": system, "error": str(found)})
            console.print(f"[red]{benchmark} on {system} could not be measured:[/] {found}")
        else:
            figures += found
            console.print(report.table(found))
        if json is not None:
            report.save(json, figures, failures, about)
    raise typer.Exit(1 if failures else 0)


if __name__ == "__main__":
    typer.run(main)
