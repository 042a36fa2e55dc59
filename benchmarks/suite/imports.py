"""Import time: what ``from bide import DAG, task`` takes in a fresh interpreter, bytecode being cached.

Airflow's counterpart is ``from airflow.sdk import DAG, task``. The interpreter's own start is not counted.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

from benchmarks.figures import Figures, Target

NAME: Final = "imports"
_REPETITIONS: Final = 20
_PROGRAM: Final = "import time; begun = time.perf_counter(); {}; print(time.perf_counter() - begun)"


def measure_python(python: Path, statement: str) -> Figures:
    """Of `statement` under the interpreter `python`."""
    figures = Figures(NAME)
    figures.add("importing DAG and task", "ms", milliseconds(python, statement), Target("median", "<=", 100))
    return figures


def milliseconds(python: Path, statement: str) -> list[float]:
    """What `statement` takes under the interpreter `python`, again and again."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    samples: list[float] = []
    for _ in range(_REPETITIONS + 1):
        command = [str(python), "-c", _PROGRAM.format(statement)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        samples.append(1000 * float(done.stdout.splitlines()[-1]))
    # The first one may have written bytecode.
    return samples[1:]
