"""Importing every module of an installed provider package, in a process of its own.

``python -m bide.cli.provider_sweep airflow.providers.http`` prints JSON: how many modules there are, and for each
that can't be imported why not.
"""

from __future__ import annotations

import importlib
import json
import logging
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

#: A package that says in its own words that another one is not installed.
_LACKING: Final = re.compile(
    r"pip install|is required|be installed|not installed|No module named|requires .*>=|Could not import",
    re.IGNORECASE,
)
#: A name of Airflow that is not there, in Bide's words or in those of a package that has tried several.
_UNSERVED: Final = re.compile(r"has no name|Could not import '\w+' from any of: \('airflow\.")


class Failure(NamedTuple):
    """A module that can't be imported."""

    module: str
    #: ``package``: another package is missing. ``name``: Bide does not serve a name. ``other``: see the text.
    kind: str
    text: str


def modules_of(package: str) -> Iterator[str]:
    """All modules in the folders of a package, the package first."""
    for folder in importlib.import_module(package).__path__:
        root = Path(folder)
        for file in sorted(root.rglob("*.py")):
            parts = file.relative_to(root).with_suffix("").parts
            yield ".".join((package, *(parts[:-1] if parts[-1] == "__init__" else parts)))


def try_module(module: str) -> Failure | None:
    """Import it; why that failed, if it did."""
    try:
        importlib.import_module(module)
    except Exception as error:
        return Failure(module, _kind(error), f"{type(error).__name__}: {error}")
    except SystemExit as error:
        return Failure(module, "other", f"the module ends the process with {error.code!r}")
    return None


def _kind(error: Exception) -> str:
    name = (error.name or "") if isinstance(error, ImportError) else ""
    if name.split(".")[0] == "airflow" or _UNSERVED.search(str(error)):
        return "package" if name.startswith("airflow.providers.") else "name"
    if isinstance(error, ModuleNotFoundError) or _LACKING.search(str(error)):
        return "package"
    return "other"


def sweep(package: str) -> dict[str, Any]:
    """``{"modules": 14, "failures": [...]}``."""
    modules = sorted(set(modules_of(package)))
    failures = [failure for module in modules if (failure := try_module(module)) is not None]
    return {"modules": len(modules), "failures": [failure._asdict() for failure in failures]}


def main() -> None:
    """Print what the package that is named has."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    found = sweep(sys.argv[1])
    sys.stdout.write(f"\n{json.dumps(found)}\n")


if __name__ == "__main__":
    main()
