"""Install provider packages, as they are on PyPI, without Airflow, and import every module of them.

The packages and their versions are those of ``scripts/provider-versions.txt``; the environment is ``.venv-sweep``.
Ends with exit code 1 if a module needs a name that Bide does not have, or breaks for another reason than a missing
package, or if more is refused than the table in ``docs/guides/providers.md`` says. It is no failure if a package
that a module needs is not there: the newest releases of others decide on that.

    uv run python scripts/provider_sweep.py [--fast | --write | NAME...]

``--fast`` leaves out the largest packages, which are marked in the list; ``--write`` writes the table.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bide.cli.provider.installing import COME_WITH_AIRFLOW, LEFT_OUT, package_name, requirement

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv-sweep"
VERSIONS = ROOT / "scripts" / "provider-versions.txt"
PAGE = ROOT / "docs" / "guides" / "providers.md"
#: The table is between these lines of the page.
BEGIN, END = "<!-- written by scripts/provider_sweep.py -->\n", "<!-- end -->\n"
#: What packages ask for that is not built without libraries of the system; the rest works without.
NOT_BUILT = ("mysqlclient",)
COLUMNS = ("package", "version", "modules", "importable", "lacks_package", "refused", "lacks_name", "other")


def wanted(names: list[str], *, fast: bool) -> list[str]:
    """Requirements of the list, of those that are named if any are."""
    lines = [line.split("#") for line in VERSIONS.read_text().splitlines() if not line.startswith("#")]
    found = [requirement(line[0].strip()) for line in lines if not (fast and "large" in line[-1])]
    chosen = {package_name(requirement(name)) for name in names}
    unknown = chosen - {package_name(one) for one in found}
    if unknown:
        sys.exit(f"not in {VERSIONS.relative_to(ROOT)}: {', '.join(sorted(unknown))}")
    return [one for one in found if not chosen or package_name(one) in chosen]


def install(requirements: list[str]) -> Path:
    """Bide and the packages, in the environment of the sweep; its Python."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, ENVIRONMENT], check=True)
    with tempfile.TemporaryDirectory(prefix="bide-sweep-") as folder:
        overrides = Path(folder) / "overrides.txt"
        # A marker that no Python meets: whoever asks for one of these gets nothing.
        overrides.write_text("".join(f'{name} ; python_version < "3"\n' for name in (*LEFT_OUT, *NOT_BUILT)))
        ours = ["--editable", f"{ROOT}[objects]", "--editable", ROOT / "compat"]
        command = ["uv", "pip", "install", "--quiet", "--python", python, "--override", overrides, *ours]
        subprocess.run([*command, *requirements, *COME_WITH_AIRFLOW], check=True, cwd=ROOT)
    return python


def sweep(python: Path, package: str) -> dict[str, Any]:
    """What ``bide provider check`` says of one package, and how many seconds it took."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bide-sweep-") as home:
        env = {key: value for key, value in os.environ.items() if key not in {"VIRTUAL_ENV", "PYTHONPATH"}}
        command = [python.with_name("bide"), "provider", "check", package, "--output", "json"]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, cwd=home, env={**env, "BIDE_HOME": home}
        )
    try:
        [row] = json.loads(done.stdout)
    except ValueError:
        sys.exit(f"{package}: {done.stderr or done.stdout}")
    return {**row, "seconds": time.monotonic() - began}


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as a table of the page, and their sum."""
    total = {name: sum(row[name] for row in rows) for name in COLUMNS[2:]}
    lines = [
        "| package | version | modules | importable | lacks a package | refused | lacks a name | share |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in [*rows, {"package": "all", "version": "", **total}]:
        cells = [str(row[name]) for name in COLUMNS[:6]]
        cells[0] = cells[0].removeprefix("apache-airflow-providers-")
        lines.append(f"| {' | '.join([*cells, str(row['lacks_name'] + row['other']), share(row)])} |")
    return "\n".join(lines) + "\n"


def share(row: dict[str, Any]) -> str:
    """Of the modules whose further packages are there, and that are not refused, those that can be imported."""
    due = row["modules"] - row["lacks_package"] - row["refused"]
    return f"{row['importable'] / due:.0%}" if due else "-"


def promised() -> dict[str, int]:
    """Importable modules of each package, by the page."""
    text = PAGE.read_text()
    rows = re.findall(
        r"^\| ([\w-]+) \| ([\w.]+) \| \d+ \| (\d+) \|", text[text.index(BEGIN) : text.index(END)], re.M
    )
    return {f"{name}=={version}": int(number) for name, version, number in rows}


def main() -> None:
    """Install, import, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--fast", action="store_true", help="leave out the largest packages")
    parser.add_argument("--write", action="store_true", help="write the table into the page")
    options = parser.parse_args()
    requirements = wanted(options.names, fast=options.fast)
    python = install(requirements)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        # The large ones first: they take as long as all others.
        first = sorted(requirements, key=wanted([], fast=True).__contains__)
        rows = list(pool.map(lambda one: sweep(python, package_name(one)), first))
    known = {} if options.write else promised()
    bad = False
    for row in sorted(rows, key=lambda one: one["package"]):
        name = row["package"].removeprefix("apache-airflow-providers-")
        fewer = row["importable"] + row["lacks_package"] < known.get(f"{name}=={row['version']}", 0)
        print(f"{name:24} {row['importable']:4} of {row['modules']:4}  {row['seconds']:5.1f} s{' FEWER' * fewer}")
        for failure in row["failures"]:
            if failure["kind"] in ("name", "other") or fewer:
                print(f"  {failure['module']}: {failure['text'].splitlines()[0]}")
        bad = bad or fewer or bool(row["lacks_name"] or row["other"])
    if options.write:
        text = PAGE.read_text()
        before, after = text.partition(BEGIN)[0], text.partition(END)[2]
        PAGE.write_text(before + BEGIN + table(sorted(rows, key=lambda one: one["package"])) + END + after)
    sys.exit(bad)


if __name__ == "__main__":
    main()
