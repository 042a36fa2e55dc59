"""Install: what ``pip install bide`` brings, without bytecode: megabytes (10^6 bytes) and distributions.

Bide's figures are those of a fresh environment (``scripts/check_install.py``); Airflow's those of the environment
that was given, which may hold more than it needs.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.figures import Figures, Target

NAME: Final = "install"
_SCRIPT: Final = Path(__file__).resolve().parents[2] / "scripts" / "check_install.py"
_LOOK: Final = """
import json, pathlib, sysconfig
packages = pathlib.Path(sysconfig.get_path("purelib"))
files = [path for path in packages.rglob("*") if path.is_file() and path.suffix != ".pyc"]
names = [path.name for path in packages.glob("*.dist-info")]
print(json.dumps({"size": sum(path.stat().st_size for path in files), "distributions": names}))
"""


def measure_fresh() -> Figures:
    """Of Bide's wheel in a fresh environment."""
    return _figures([sys.executable, str(_SCRIPT), "--json"])


def measure_existing(python: Path) -> Figures:
    """Of the environment with the interpreter `python`."""
    return _figures([str(python), "-c", _LOOK])


def _figures(command: list[str]) -> Figures:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else None
    if found is None:
        raise RuntimeError(f"{' '.join(command)} gave nothing: {done.stderr}")
    figures = Figures(NAME)
    figures.add("size without bytecode", "MB", [found["size"] / 1e6], Target("max", "<=", 85))
    figures.add("distributions", "distributions", [len(found["distributions"])], Target("max", "<=", 48))
    return figures
