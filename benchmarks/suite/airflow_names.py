"""Airflow's names: what importing them takes, and DAG files that use them next to the same files with Bide's own.

The import is measured like that of ``imports``. For the files, two folders hold the same DAGs of ten tasks, one
importing them from ``bide``, the other from ``airflow``; ``bide dags report`` imports and serialises each file in a
process of its own, and says how long that took. The folders take turns, and each sample of the ratio is of one turn
of both, by the sums over their files.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.figures import Figures, Target
from benchmarks.suite.imports import milliseconds
from benchmarks.suite.scale import Scale

NAME: Final = "airflow_names"
_STATEMENTS: Final = {
    "import airflow, DAG and task": "import airflow; from airflow.sdk import DAG, task",
    "import as Airflow 2 did": "from airflow import DAG; from airflow.operators.python import PythonOperator",
}
_IMPORTS: Final = {
    "bide": "from bide import DAG, EmptyOperator",
    "airflow": (
        "from airflow.sdk import DAG\nfrom airflow.providers.standard.operators.empty import EmptyOperator"
    ),
}
_DAG: Final = """
with DAG("many_{number}", schedule="@daily", catchup=False, tags=["many"]):
    before = EmptyOperator(task_id="t0", retries=1)
    for task in range(1, 10):
        one = EmptyOperator(task_id=f"t{{task}}", retries=1)
        before >> one
        before = one
"""


def measure_bide(folder: Path, scale: Scale) -> Figures:
    """Milliseconds, and a ratio."""
    figures = Figures(NAME)
    for name, statement in _STATEMENTS.items():
        taken = milliseconds(Path(sys.executable), statement)
        figures.add(name, "ms", taken, Target("median", "<=", 150))
    files, turns = (20, 2) if scale.quick else (200, 15)
    for kind, lines in _IMPORTS.items():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for number in range(files):
            (folder / kind / f"many_{number}.py").write_text(lines + _DAG.format(number=number))
    sums: dict[str, list[float]] = {kind: [] for kind in _IMPORTS}
    for _ in range(turns):
        for kind in _IMPORTS:
            sums[kind].append(_seconds(folder, kind))
    for kind, taken in sums.items():
        figures.add(f"a file that imports {kind}", "ms", [1000 * one / files for one in taken])
    ratios = [aliases / own for own, aliases in zip(sums["bide"], sums["airflow"], strict=True)]
    figures.add("files: airflow to bide", "ratio", ratios, Target("median", "<=", 1.05))
    return figures


def _seconds(folder: Path, kind: str) -> float:
    """What all files of a folder take together."""
    command = [
        Path(sys.executable).with_name("bide"),
        "dags",
        "report",
        "--dags",
        folder / kind,
        "--output",
        "json",
    ]
    done = subprocess.run(
        command,
        env={**os.environ, "BIDE_HOME": str(folder / "home")},
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    rows = json.loads(done.stdout)
    if any(row["errors"] for row in rows):
        raise RuntimeError(f"files of {folder / kind} have errors: {rows}")
    return sum(float(row["seconds"]) for row in rows)
