"""What provider packages for Airflow say of themselves, by the entry point ``apache_airflow_provider``."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, cast

_GROUP: Final = "apache_airflow_provider"


@cache
def provider_infos() -> list[dict[str, Any]]:
    """One dict for each package. Looking through what is installed takes a while, so it is done once."""
    return [_info(entry) for entry in entry_points(group=_GROUP)]


def load_path(path: str) -> Any:
    """The object of a dotted path: a module, then a name in it; before the name there may be a colon."""
    module, _, name = path.replace(":", ".").rpartition(".")
    return getattr(import_module(module), name)


def _info(entry: EntryPoint) -> dict[str, Any]:
    return cast("dict[str, Any]", entry.load()())
