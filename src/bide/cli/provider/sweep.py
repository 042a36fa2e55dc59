"""Importing every module of an installed provider package, in a process of its own.

``python -m bide.cli.provider.sweep airflow.providers.http`` prints JSON: how many modules there are, and for each
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
#: A name of Airflow that is not there, in the words of a package that has tried several.
_UNSERVED: Final = re.compile(r"Could not import '\w+' from any of: \('airflow\.")
#: Bide's own words for a name that is not there; what follows is what to do about it.
_NOT_HERE: Final = re.compile(r"there is no module '[\w.]+' here: |^[\w.]+ has no name '\w+' here: ")
#: What to do where Bide has nothing of its own for it.
_REPORT: Final = "please report the line"


class Failure(NamedTuple):
    """A module that can't be imported."""

    module: str
    #: ``package``: another package is missing. ``refused``: Bide has a part of its own for this, which packages
    #: can't replace. ``name``: Bide does not serve a name. ``other``: see the text.
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
    if isinstance(error, ModuleNotFoundError) and name.split(".")[0] != "airflow":
        return "package"
    refusals = [text for text in _texts(error) if _NOT_HERE.search(text)]
    if refusals:
        return "name" if any(_REPORT in text for text in refusals) else "refused"
    if name.split(".")[0] == "airflow" or _UNSERVED.search(str(error)):
        return "package" if name.startswith("airflow.providers.") else "name"
    if isinstance(error, ModuleNotFoundError) or _LACKING.search(str(error)):
        return "package"
    return "other"


def _texts(error: BaseException | None) -> Iterator[str]:
    """What it says, and what the errors say that have led to it."""
    while error is not None:
        yield str(error)
        error = error.__cause__ or error.__context__


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
