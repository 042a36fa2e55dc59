"""Figures as a table for people and as JSON for everything else."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psutil
from rich.table import Table

from benchmarks.figures import Figure, distribution

_STATISTICS: Final = ("min", "median", "p95", "p99", "max")
_VERDICT: Final = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}


def table(figures: Sequence[Figure]) -> Table:
    """The figures of one benchmark on one system, which are not empty."""
    first = figures[0]
    title = f"{first.benchmark}: {first.system}, others used {first.foreign:.0f} % of the machine"
    shown = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for name in ("figure", "unit"):
        shown.add_column(name)
    for name in ("n", *_STATISTICS):
        shown.add_column(name, justify="right")
    # The targets are Bide's: what another system reaches is shown beside them and not judged.
    own = first.system.startswith("Bide")
    if own:
        shown.add_column("target")
        shown.add_column("")
    for figure in figures:
        spread = distribution(figure.samples)
        verdict = (", ".join(map(str, figure.targets)), _VERDICT[figure.met]) if own else ()
        statistics = (_number(spread[name]) for name in _STATISTICS)
        shown.add_row(figure.name, figure.unit, str(len(figure.samples)), *statistics, *verdict)
    return shown


def _number(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value == 0:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpus": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "bide": version("bide"),
    }


def save(path: Path, figures: Sequence[Figure], failures: Sequence[dict[str, str]], about: dict[str, Any]) -> None:
    """Write all of it to a JSON file."""
    found = {"machine": about, "figures": [figure.as_json() for figure in figures], "failures": list(failures)}
    path.write_text(json.dumps(found, indent=1) + "\n")
