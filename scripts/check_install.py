"""Build the wheels, install each into a fresh environment and check what a user would get.

The core install (``bide`` alone) must not exceed 85 MB of files without bytecode and 48 distributions, and its
``bide version`` must work there. ``bide-airflow`` must make ``import airflow`` and the command ``airflow`` work,
and ``bide provider add`` a provider package, whose modules come to lie beside those of the wheel.
Prints a table row per distribution when a limit is broken; the exit code is 0 only if all holds.

    uv run python scripts/check_install.py [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Bytes of files in the environment's ``lib`` folder, bytecode left out.
MAX_BYTES = 85_000_000
MAX_DISTRIBUTIONS = 48
#: A package that needs others of its kind.
PROVIDER = "http"


@dataclass(frozen=True)
class Installed:
    """What one environment holds: bytes and names of distributions, largest first."""

    size: int
    distributions: list[str]


def run(*command: str | Path) -> str:
    """The standard output of `command`; its error output is shown, and a failure ends the program."""
    # The checks are about the fresh environment, not about the one that runs this script.
    env = {key: value for key, value in os.environ.items() if key not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    words = [str(word) for word in command]
    done = subprocess.run(words, check=False, env=env, cwd=tempfile.gettempdir(), stdout=subprocess.PIPE, text=True)
    if done.returncode:
        print(done.stdout, end="")
        sys.exit(f"exit code {done.returncode} from: {' '.join(words)}")
    return done.stdout


def build(folder: Path) -> dict[str, Path]:
    """Wheels of both distributions, by distribution name."""
    run("uv", "build", "--quiet", "--wheel", "--all-packages", "--out-dir", folder, ROOT)
    return {path.name.split("-")[0]: path for path in folder.glob("*.whl")}


def install(environment: Path, *wheels: Path) -> Path:
    """A fresh environment with `wheels` and what they depend on; its Python."""
    run("uv", "venv", "--quiet", "--python", sys.executable, environment)
    python = environment / "bin" / "python"
    run("uv", "pip", "install", "--quiet", "--python", python, *wheels)
    return python


def measure(environment: Path) -> Installed:
    """Size and distributions of `environment`."""
    (packages,) = environment.glob("lib/python*/site-packages")
    files = (path for path in packages.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return Installed(
        size=sum(path.stat().st_size for path in files),
        distributions=sorted(path.name.removesuffix(".dist-info") for path in packages.glob("*.dist-info")),
    )


def complaints(core: Installed) -> list[str]:
    """What is wrong with the core install, a sentence each."""
    found: list[str] = []
    if core.size > MAX_BYTES:
        found.append(f"the core install has {core.size / 1e6:.1f} MB; at most {MAX_BYTES / 1e6:.0f} MB are allowed")
    if len(core.distributions) > MAX_DISTRIBUTIONS:
        count = len(core.distributions)
        found.append(f"the core install has {count} distributions; at most {MAX_DISTRIBUTIONS} are allowed")
    return found


def main() -> int:
    """Exit code: 0 if all holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    as_json = parser.parse_args().json
    with tempfile.TemporaryDirectory(prefix="bide-install-") as name:
        folder = Path(name)
        wheels = build(folder / "dist")
        python = install(folder / "core", wheels["bide"])
        core = measure(folder / "core")
        version = run(python.with_name("bide"), "version").strip()
        python = install(folder / "airflow", wheels["bide"], wheels["bide_airflow"])
        run(python, "-c", "from airflow.sdk import DAG, task")
        run(python.with_name("airflow"), "version")
        run(python.with_name("bide"), "provider", "add", PROVIDER)
        run(python, "-c", "from airflow.providers.http.sensors.http import HttpSensor")
    found = complaints(core)
    if as_json:
        print(json.dumps({**asdict(core), "version": version, "complaints": found}))
    else:
        print(f"bide version: {version}")
        print(f"core install: {core.size / 1e6:.1f} MB without bytecode, {len(core.distributions)} distributions")
        print("bide-airflow: `from airflow.sdk import DAG, task` and `airflow version` work")
        print(f"provider packages: `bide provider add {PROVIDER}` works, and its sensor can be imported")
        for complaint in found:
            print(f"error: {complaint}", file=sys.stderr)
        if found:
            print("\n".join(core.distributions), file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
