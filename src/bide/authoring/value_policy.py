"""Which classes of users may be built from stored values: those of the project, and those that a setting allows."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Final

_SETTING: Final = "allowed_deserialization_classes"
#: How the modules of DAG files are named.
_DAG_FILE: Final = "bide_dag_"
#: Bide's own classes that are values.
_OWN: Final = frozenset({"bide.standard.object_storage.ObjectStoragePath"})


def allowed_names(text: str | None) -> list[str]:
    """The patterns of the setting: a JSON list, or names between blanks or commas."""
    if not text:
        return []
    if text.lstrip().startswith("["):
        return [str(one) for one in json.loads(text)]
    return [one for one in re.split(r"[\s,;]+", text) if one]


def value_policy(folders: Iterable[str], patterns: Iterable[str]) -> Callable[[str, str], str | None]:
    """Allow classes whose modules lie below `folders`, and those with a name that one of `patterns` matches.

    A pattern is ``package.module.Name``, with ``*`` for any text.
    """
    roots = tuple(Path(folder).absolute() for folder in folders if folder)
    wanted = tuple(patterns)

    @lru_cache(maxsize=1000)
    def against(module: str, qualname: str) -> str | None:
        name = f"{module}.{qualname}"
        if (
            module.startswith(_DAG_FILE)
            or name in _OWN
            or any(fnmatchcase(name, one) for one in wanted)
            or _lies_below(module, roots)
        ):
            return None
        return (
            f"objects of {name} are neither stored nor built, since its module is not part of the DAG folder or "
            f"the plugin folder: to allow it, add {name!r} to [core] {_SETTING} (* stands for any text)"
        )

    return against


def _lies_below(module: str, roots: tuple[Path, ...]) -> bool:
    known = getattr(sys.modules.get(module), "__file__", None)
    if isinstance(known, str):
        return _is_below(known, roots)
    # Nothing may be imported to find this out, not even a package.
    spec = PathFinder.find_spec(module.partition(".")[0])
    places = [] if spec is None else [spec.origin, *(spec.submodule_search_locations or ())]
    return any(_is_below(place, roots) for place in places if place)


def _is_below(place: str, roots: tuple[Path, ...]) -> bool:
    path = Path(place).absolute()
    return "site-packages" not in path.parts and any(path.is_relative_to(root) for root in roots)
