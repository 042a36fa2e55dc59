"""Decorators beside ``@task`` that installed packages and plugins bring: ``@task.NAME``."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from bide.authoring.hints import did_you_mean
from bide.authoring.plugins import load_plugins

#: Group of entry points: each names a decorator, as :class:`~bide.authoring.taskflow.TaskDecorator` is one.
GROUP: Final = "bide.task_decorators"


@lru_cache(maxsize=1)
def installed_decorators() -> dict[str, EntryPoint]:
    """Entry points by name. Looking through what is installed takes a while, so it is done once."""
    return {point.name: point for point in entry_points(group=GROUP)}


def find_decorator(name: str, known: set[str]) -> Any:
    """The decorator ``@task.name``; AttributeError with the nearest of all names if there is none."""
    plugins = load_plugins().task_decorators
    if name in plugins:
        return plugins[name]
    point = installed_decorators().get(name)
    if point is not None:
        return point.load()
    hint = did_you_mean(name, {*known, *plugins, *installed_decorators()})
    raise AttributeError(f"there is no @task.{name}{hint}")
