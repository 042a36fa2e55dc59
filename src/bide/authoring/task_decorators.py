"""Decorators beside ``@task`` that installed packages and plugins bring: ``@task.NAME``."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from bide.authoring.hints import did_you_mean
from bide.authoring.plugins import load_plugins
from bide.authoring.providers import load_path, provider_infos

#: Group of entry points: each names a decorator, as :class:`~bide.authoring.taskflow.TaskDecorator` is one.
GROUP: Final = "bide.task_decorators"


@cache
def installed_decorators() -> dict[str, EntryPoint]:
    """Entry points by name. Looking through what is installed takes a while, so it is done once."""
    return {point.name: point for point in entry_points(group=GROUP)}


@cache
def provider_decorators() -> dict[str, str]:
    """Paths by name, of provider packages for Airflow (``task-decorators``)."""
    return {one["name"]: one["class-name"] for info in provider_infos() for one in info.get("task-decorators", ())}


def find_decorator(name: str, known: set[str]) -> Any:
    """The decorator ``@task.name``; AttributeError with the nearest of all names if there is none."""
    plugins = load_plugins().task_decorators
    if name in plugins:
        return plugins[name]
    point = installed_decorators().get(name)
    if point is not None:
        return point.load()
    path = provider_decorators().get(name)
    if path is not None:
        return load_path(path)
    hint = did_you_mean(name, {*known, *plugins, *installed_decorators(), *provider_decorators()})
    raise AttributeError(f"there is no @task.{name}{hint}")
