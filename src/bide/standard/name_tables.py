"""Importing a package that is made of tables of names: old names warn, unknown ones say what to do.

:func:`serve_names` is for a package whose modules import names and define none but ``_LATER``: the paths of names
that are loaded when they are asked for. Those that have moved may stand in their modules, where editors find them,
or be in a table only; either way they work, with one :class:`~bide.model.provider_errors.RemovalWarning` a place
that names the new path.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dis import opmap
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import find_spec
from types import FrameType, ModuleType
from typing import Any, Final, NamedTuple

from bide.authoring.dotted_names import import_string
from bide.authoring.hints import did_you_mean
from bide.model.provider_errors import RemovalWarning

_IMPORT_FROM: Final = opmap["IMPORT_FROM"]
#: First parts of names of provider packages that have two: ``apache-spark`` is ``apache.spark``.
_TWO_PARTS: Final = frozenset({"apache", "atlassian", "cncf", "common", "dbt", "microsoft"})


class NameTables(NamedTuple):
    """What a package has beside its modules."""

    package: str
    #: The new path of each name that has moved, by the module it was in and its name there.
    moved: Mapping[str, Mapping[str, str]]
    #: What to use instead of what is not there, by path of a module or a name in it; parts of it count, too.
    instead: Mapping[str, str]
    #: Said of a name that is in no table.
    report: str
    #: The provider package whose connections something of Bide's needs, by path, which a package had once.
    needs: Mapping[str, str]

    def advice(self, path: str) -> str:
        """What to do about a path that leads nowhere."""
        known = path
        while known:
            if known in self.instead:
                return self.instead[known]
            known = known.rpartition(".")[0]
        return self.report

    def lacking(self, path: str) -> str | None:
        """The provider package that has to be installed for what is at this path, and isn't."""
        package = self.needs.get(path) or provider_of(path, self.package)
        if package is None:
            return None
        spec = find_spec(f"{self.package}.providers.{package.replace('-', '.')}")
        return package if spec is None or isinstance(spec.loader, _MovedModule) else None

    def is_parent(self, module: str) -> bool:
        """Whether modules that have moved are inside this one."""
        return any(one.startswith(f"{module}.") for one in self.moved)


def serve_names(tables: NameTables) -> None:
    """Let imports of the package, which is being imported, go by `tables`."""
    package = sys.modules[tables.package]
    names = vars(package)
    names["__getattr__"] = _lookup(package, tables, {}, names.get("_LATER", {}))
    sys.meta_path.insert(0, _Finder(tables, tuple(package.__path__)))


class _Finder:
    """Finds the package's modules: its own files, those that have moved, and provider packages."""

    def __init__(self, tables: NameTables, folders: tuple[str, ...]) -> None:
        self._tables = tables
        self._folders = folders

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(f"{self._tables.package}."):
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is None:
            return self._without_file(fullname)
        # Provider packages are installed into the same folder: their modules are left as they are.
        own = (
            spec.origin is not None
            and spec.origin.startswith(self._folders)
            and provider_of(fullname, self._tables.package) is None
        )
        if (own or fullname in self._tables.moved) and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _TableLoader(spec.loader.name, spec.loader.path, self._tables)
        return spec

    def _without_file(self, fullname: str) -> ModuleSpec | None:
        tables = self._tables
        if fullname in tables.moved or tables.is_parent(fullname):
            loader: Any = _MovedModule(tables)
            return ModuleSpec(fullname, loader, is_package=tables.is_parent(fullname))
        asked_by = sys._getframe(3).f_code.co_name  # pyright: ignore[reportPrivateUsage]
        if asked_by != "_find_and_load_unlocked":
            return None  # somebody only asks whether it is there
        package = provider_of(fullname, tables.package)
        if package is None:
            said = f"there is no module {fullname!r} here: {tables.advice(fullname)}"
            raise ModuleNotFoundError(said, name=fullname)
        if package in _TWO_PARTS:  # what is inside can be named better
            return ModuleSpec(fullname, None, is_package=True)
        inside = f"{tables.package}.providers.{package.replace('-', '.')}"
        spec = getattr(sys.modules.get(inside), "__spec__", None)
        if spec is not None and not isinstance(spec.loader, _MovedModule):
            return None  # the package is there, in a version without this module
        raise ModuleNotFoundError(f"no module {fullname!r}: {_install(package)}", name=fullname)


def _install(package: str) -> str:
    return f"its provider package is not installed; run 'bide provider add {package}'"


def provider_of(module: str, package: str) -> str | None:
    """``amazon`` of ``airflow.providers.amazon.aws``; None if the module is no provider's."""
    prefix = f"{package}.providers."
    if not module.startswith(prefix) or module.startswith(f"{prefix}standard"):
        return None
    parts = module.removeprefix(prefix).split(".")
    return "-".join(parts[:2] if parts[0] in _TWO_PARTS else parts[:1])


class _TableLoader(SourceFileLoader):
    """Loads a file, and takes out of it the names that have moved."""

    def __init__(self, fullname: str, path: str, tables: NameTables) -> None:
        super().__init__(fullname, path)
        self._tables = tables

    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        names = vars(module)
        moved = self._tables.moved.get(module.__name__, {})
        kept = {name: names.pop(name) for name in moved if name in names}
        own = names.get("__getattr__")
        names["__getattr__"] = _lookup(module, self._tables, kept, names.get("_LATER", {}), own)


class _MovedModule:
    """A module all of whose names have moved."""

    def __init__(self, tables: NameTables) -> None:
        self._tables = tables

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        module.__doc__ = "Names that have moved."
        vars(module)["__getattr__"] = _lookup(module, self._tables, {}, {})


def _lookup(
    module: ModuleType,
    tables: NameTables,
    kept: Mapping[str, Any],
    later: Mapping[str, str],
    own: Callable[[str], Any] | None = None,
) -> Callable[[str], Any]:
    """The ``__getattr__`` of a module; `later` has the paths of names that are loaded when they are asked for.

    What the tables have nothing about is asked of its `own`.
    """
    place = module.__name__
    moved = tables.moved.get(place, {})

    def __getattr__(name: str) -> Any:
        asking = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
        lacking = None if name.startswith("__") or name in kept else tables.lacking(moved.get(name, place))
        if lacking is not None:
            said = f"no {place}.{name}: {_install(lacking)}"
            if name in moved or _is_from_import(asking):
                raise ModuleNotFoundError(said, name=place)
            raise AttributeError(said)
        if name in moved:
            if asking.f_code.co_name != "_handle_fromlist":  # which only looks, before the import proper
                new = tables.instead.get(f"{place}.{name}") or moved[name]
                warnings.warn(f"{place}.{name} has moved: use {new}", RemovalWarning, stacklevel=2)
            return kept[name] if name in kept else import_string(moved[name])
        if name in later:
            found = vars(module)[name] = import_string(later[name])
            return found
        if own is not None:
            return own(name)
        if name.startswith("__"):
            raise AttributeError(f"module {place!r} has no attribute {name!r}")
        inside = f"{place}.{name}"
        is_proper = asking.f_code.co_name != "_handle_fromlist"
        if is_proper and hasattr(module, "__path__") and _is_inside(inside, tables):
            # `import airflow` was enough for `airflow.utils.dates`, since something had always imported it.
            return importlib.import_module(inside)
        hint = did_you_mean(name, (*vars(module), *moved, *later)).removeprefix("; ")
        path = f"{place}.{name}"
        said = f"{place} has no name {name!r} here: {tables.instead.get(path) or hint or tables.advice(path)}"
        # Of an AttributeError `from module import name` would keep nothing but that there was one.
        if _is_from_import(asking):
            raise ImportError(said, name=place)
        raise AttributeError(said)

    return __getattr__


def _is_inside(path: str, tables: NameTables) -> bool:
    """Whether there is a module of this path: a file of the package, or one that has moved."""
    if path in tables.moved or tables.is_parent(path):
        return True
    parent = sys.modules.get(path.rpartition(".")[0])
    return PathFinder.find_spec(path, getattr(parent, "__path__", None)) is not None


def _is_from_import(frame: FrameType) -> bool:
    return frame.f_lasti >= 0 and frame.f_code.co_code[frame.f_lasti] == _IMPORT_FROM
