"""Plugins: classes in the plugin folder or in installed packages that bring listeners, macros, links and more.

The plugin folder is on ``sys.path`` too, so that DAG files can import operators and triggers from it, and triggers
are found in it by their path.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from bide.authoring.fresh_sources import look_again, watch_folder
from bide.authoring.settings import find_setting

if TYPE_CHECKING:
    from bide.authoring.listeners import Listeners
    from bide.authoring.operator import BaseOperator
    from bide.authoring.policies import Policies

_log = logging.getLogger("bide.plugins")

#: What plugins of Airflow may bring and nothing here asks for, by what there is to say of it.
NO_EFFECT: Final = {
    "Bide has its own pages and API": (
        "admin_views",
        "appbuilder_menu_items",
        "appbuilder_views",
        "external_views",
        "fastapi_apps",
        "fastapi_root_middlewares",
        "flask_blueprints",
        "menu_links",
        "react_apps",
    ),
    "Bide has its own executors": ("executors",),
    "tasks wait by trigger rules and sensors": ("ti_deps",),
}

#: Groups of entry points that name plugin classes.
GROUPS: Final = ("bide.plugins", "airflow.plugins")
#: Groups of entry points that name modules with policies.
POLICY_GROUPS: Final = ("bide.policies", "airflow.policy")
#: Modules that may have policies, wherever they are on ``sys.path``.
LOCAL_SETTINGS: Final = ("bide_local_settings", "airflow_local_settings")
#: A file without this word makes no plugin, and is imported only by those who want something of it.
_WORD: Final = b"Plugin"


class Plugin:
    """Subclass this in a file of the plugin folder, or name the subclass as an entry point ``bide.plugins``."""

    #: Unique among all plugins; a class without one is the base of others.
    name: ClassVar[str | None] = None
    #: Modules or objects with functions marked by :data:`bide.authoring.listeners.hookimpl`.
    listeners: ClassVar[list[Any]] = []
    #: Decorators by name, for ``@task.NAME``: :class:`~bide.authoring.taskflow.TaskDecorator` makes one.
    task_decorators: ClassVar[dict[str, Any]] = {}
    #: Functions and modules for templates: ``{{ macros.NAME.FUNCTION(...) }}``, NAME being the plugin's.
    macros: ClassVar[list[Any]] = []
    #: Links (:class:`~bide.authoring.links.BaseOperatorLink`) of all operators.
    global_operator_extra_links: ClassVar[list[Any]] = []
    #: Links of the operators that they name.
    operator_extra_links: ClassVar[list[Any]] = []
    #: Airflow's list of timetable classes; here they are found by their path, whether or not they are in it.
    timetables: ClassVar[list[Any]] = []
    #: Airflow's list of weight strategies; here they are found by their path, too.
    priority_weight_strategies: ClassVar[list[Any]] = []
    #: Modules or objects with functions named as in :mod:`bide.authoring.policies`.
    policies: ClassVar[list[Any]] = []
    #: Subclasses of :class:`bide.standard.lineage.HookLineageReader`: if there are any, what hooks tell is kept.
    hook_lineage_readers: ClassVar[list[Any]] = []

    @classmethod
    def on_load(cls, *args: Any, **kwargs: Any) -> None:
        """Called once in each process that loads the plugin."""


class Plugins:
    """What this process has loaded."""

    def __init__(self) -> None:
        #: None if there are no listeners, as almost everywhere.
        self.listeners: Listeners | None = None
        #: What plugins bring for ``@task.NAME``.
        self.task_decorators: dict[str, Any] = {}
        #: Links, each with the classes of operators that have it; None for all.
        self._links: list[tuple[tuple[type, ...] | None, Any]] = []
        #: What plugins bring for templates, by their names.
        self.macros: dict[str, Any] = {}
        #: None if there are none, as almost everywhere.
        self.policies: Policies | None = None
        #: Whether anybody reads what hooks tell of what they read and write.
        self.reads_lineage = False
        #: Files of the plugin folder that are imported.
        self.files: list[str] = []
        #: One line for each plugin that can't be used.
        self.problems: list[str] = []

    def hooks(self) -> list[str]:
        """Names of the hooks that listeners implement."""
        return [] if self.listeners is None else self.listeners.implemented()

    def listening(self, hook: str) -> list[Any]:
        """The implementations of a hook."""
        return [] if self.listeners is None else self.listeners.of(hook)

    def links_for(self, operator: BaseOperator) -> list[Any]:
        """Links that plugins have for an operator."""
        if not self._links:
            return []
        cls = operator.operator_class
        return [link for classes, link in self._links if classes is None or cls in classes]

    def take_policies(self, *sources: object, problem: str = "") -> None:
        """Take in policies of modules or objects; a `problem` with them keeps everything from running."""
        from bide.authoring.policies import Policies  # only those who have policies need it

        policies = self.policies or Policies()
        for source in sources:
            policies.take(source)
        policies.problem = policies.problem or problem
        self.policies = policies or None

    def take(self, plugin: type[Plugin]) -> None:
        """Take in a plugin class."""
        plugin.on_load()
        self.task_decorators.update(plugin.task_decorators)
        self._links += [(None, link) for link in plugin.global_operator_extra_links]
        self._links += [(tuple(link.operators), link) for link in plugin.operator_extra_links]
        for why, names in NO_EFFECT.items():
            given = [name for name in names if getattr(plugin, name, None)]
            if given:
                _log.warning("plugin %r: %s without effect: %s", plugin.name, ", ".join(given), why)
        if plugin.macros and plugin.name:
            names = {str(one.__name__).rpartition(".")[2]: one for one in plugin.macros}
            self.macros[plugin.name] = SimpleNamespace(**names)
        self.reads_lineage = self.reads_lineage or bool(plugin.hook_lineage_readers)
        if plugin.policies:
            self.take_policies(*plugin.policies)
        for listener in plugin.listeners:
            if self.listeners is None:
                from bide.authoring.listeners import (
                    Listeners,  # pluggy, which processes without listeners don't need
                )

                self.listeners = Listeners()
            self.listeners.add(listener)


_loaded: Plugins | None = None


def plugins_folder() -> str | None:
    """The plugin folder, if there is one."""
    folder = find_setting("core", "plugins_folder")
    return folder if folder is not None and Path(folder).is_dir() else None


def watch_plugins() -> str | None:
    """Let modules of the plugin folder be imported, and changes be seen; its path, if there is one."""
    folder = plugins_folder()
    if folder is not None:
        watch_folder(folder)
        look_again(folder)
    return folder


def load_plugins() -> Plugins:
    """The plugins, loaded at the first call. One that can't be loaded is told of, and takes no other with it."""
    global _loaded  # noqa: PLW0603  # one set of plugins in a process
    if _loaded is None:
        _loaded = _load()
    return _loaded


def _load() -> Plugins:
    plugins = Plugins()
    seen: set[str] = set()
    for place, plugin in _found(plugins):
        name = plugin.name
        if not name or name in seen:
            continue
        seen.add(name)
        try:
            plugins.take(plugin)
        except Exception as error:
            _complain(plugins, f"plugin {name!r} of {place} can't be used: {type(error).__name__}: {error}")
            if plugin.policies:
                plugins.take_policies(problem=f"plugin {name!r} can't be used")
    _load_policies(plugins)
    return plugins


def _load_policies(plugins: Plugins) -> None:
    """Those of local settings and of entry points. Without one that is there, nothing may run."""
    for name in LOCAL_SETTINGS:
        try:
            if find_spec(name) is None:
                continue
            module = importlib.import_module(name)
            if module.__file__ is not None:
                plugins.files.append(module.__file__)
            plugins.take_policies(module)
        except Exception as error:
            _policies_fail(plugins, name, error)
    for point in _policy_points():
        try:
            plugins.take_policies(point.load())
        except Exception as error:
            _policies_fail(plugins, f"{point.group}: {point.name} = {point.value}", error)


def _policies_fail(plugins: Plugins, where: str, error: Exception) -> None:
    text = f"{where}: {type(error).__name__}: {error}"
    plugins.take_policies(problem=text)
    _complain(plugins, f"the policies of {text}")


@lru_cache(maxsize=1)
def _policy_points() -> list[Any]:
    return [point for group in POLICY_GROUPS for point in entry_points(group=group)]


def _found(plugins: Plugins) -> Iterator[tuple[str, type[Plugin]]]:
    folder = watch_plugins()
    if folder is not None:
        for path in sorted(Path(folder).rglob("*.py")):
            module = _import(plugins, path, Path(folder))
            if module is None:
                continue
            for value in list(vars(module).values()):
                if isinstance(value, type) and issubclass(value, Plugin) and value.__module__ == module.__name__:
                    yield str(path), value
    for place, value in _installed():
        if isinstance(value, type) and issubclass(value, Plugin):
            yield place, value
        else:
            _complain(plugins, f"the entry point {place} names no plugin class: {value}")


def _import(plugins: Plugins, path: Path, folder: Path) -> ModuleType | None:
    parts = path.relative_to(folder).with_suffix("").parts
    if parts[-1] == "__init__":
        parts = parts[:-1]
    if not parts or not all(part.isidentifier() for part in parts):
        return None
    try:
        if _WORD not in path.read_bytes():
            return None
        module = importlib.import_module(".".join(parts))
    except Exception as error:
        _complain(plugins, f"{path} can't be imported: {type(error).__name__}: {error}")
        return None
    finally:
        plugins.files.append(str(path))
    return module


@lru_cache(maxsize=1)
def installed_plugins() -> list[Any]:
    """Entry points that name plugins. Looking through what is installed takes a while, so it is done once."""
    return [point for group in GROUPS for point in entry_points(group=group)]


def _installed() -> Iterator[tuple[str, Any]]:
    for point in installed_plugins():
        place = f"{point.group}: {point.name} = {point.value}"
        try:
            yield place, point.load()
        except Exception as error:
            yield place, f"{type(error).__name__}: {error}"


def _complain(plugins: Plugins, text: str) -> None:
    plugins.problems.append(text)
    _log.error("%s", text)


def forget_plugins() -> None:
    """Load them again at the next call, after their files have changed."""
    global _loaded  # noqa: PLW0603
    if _loaded is not None:
        for name, module in list(sys.modules.items()):
            if getattr(module, "__file__", None) in _loaded.files:
                del sys.modules[name]
    _loaded = None
