"""What becomes of the names that a file for Airflow uses: served, moved, to be installed, or not there."""

from __future__ import annotations

import ast
import inspect
import sys
import warnings
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, cast

from bide.authoring.construction import argument_names, gone_argument
from bide.authoring.dag import DAG
from bide.authoring.dag_history import REFUSED
from bide.authoring.older_names import DAG_ARGUMENTS, TASK_ARGUMENTS
from bide.authoring.operator import BaseOperator
from bide.authoring.run_questions import REFUSED_OF_INSTANCES, REFUSED_OF_RUNS
from bide.cli.migrate.reading import Facts, Imported, Used, read_facts
from bide.cli.provider.installing import PREFIX
from bide.model.errors import ConfigError
from bide.standard.name_tables import provider_of
from bide.standard.tables import TableType

#: change: the file has to be changed; install: a package has to be installed; note: it runs all the same.
Level = Literal["change", "install", "note"]
Kind = Literal["syntax", "import", "provider", "package", "argument", "database", "catchup"]


class Finding(NamedTuple):
    """Something to know about a line."""

    line: int
    level: Level
    kind: Kind
    name: str
    advice: str


class Place(NamedTuple):
    """Where a file is looked at."""

    #: Folders whose modules it may import.
    folders: Sequence[Path]
    #: Modules that lie beside it in a zip.
    packed: Collection[str] = ()


_DATABASE: Final = (
    "tasks have no access to the database: take what is needed from the context (ti, dag_run), connections and "
    "variables by their classes, other runs by the REST API"
)
#: Paths whose use reads or writes Airflow's database.
_SESSIONS: Final = (
    "airflow.settings.Session",
    "airflow.settings.engine",
    "airflow.utils.db.create_session",
    "airflow.utils.db.provide_session",
    "airflow.utils.session.create_session",
    "airflow.utils.session.provide_session",
)
#: Methods of DAGs, runs and task instances that change the database, and that nothing else is likely to have.
_METHODS: Final = {
    name: instead
    for table in (REFUSED, REFUSED_OF_RUNS, REFUSED_OF_INSTANCES)
    for name, instead in table.items()
    if name not in ("clear", "cli", "run", "set_state", "tree_view", "update_state")
}
_CATCHUP: Final = (
    "unless `bide migrate import` has taken over its runs from Airflow's database, it makes all those since its "
    "start date anew"
)
#: Settings whose value leads there.
_DATABASE_SETTINGS: Final = ("sql_alchemy_conn",)
#: Arguments that have no effect here; those that have newer names are in `older_names`.
_ARGUMENTS: Final = {
    "access_control": "has no effect: there is one user",
    "full_filepath": "has no effect: leave it out",
    "resources": "has no effect: use pools",
    "run_as_user": "has no effect: tasks run as the user that runs Bide",
    "executor": "has no effect: tasks run in workers of each `bide scheduler`",
    "executor_config": "has no effect: tasks run in workers of each `bide scheduler`",
}


def check_aliases() -> None:
    """Raise :class:`ConfigError` unless the names of Airflow here are Bide's."""
    try:
        import_module("airflow._moved")
    except ImportError as error:
        text = str(error) if "bide-airflow" in str(error) else "install bide-airflow: it has Airflow's names"
        raise ConfigError(text) from None


def judge(facts: Facts, place: Place) -> list[Finding]:
    """What is to be known about a file, by line. Call :func:`check_aliases` first."""
    if facts.broken is not None:
        text, line = facts.broken
        return [Finding(line, "change", "syntax", "", f"this is no Python {_python()}: {text}")]
    found = [
        finding
        for one in facts.imports
        if not one.is_optional
        for finding in (_judge_import(one), _judge_package(one, place))
        if finding is not None
    ]
    for used in facts.uses:
        found += _judge_use(used)
    for text, line in facts.texts:
        if text in _DATABASE_SETTINGS:
            found.append(Finding(line, "change", "database", text, _DATABASE))
    for name, line in facts.methods:
        if name in _METHODS:
            found.append(Finding(line, "change", "database", f"{name}()", f"use {_METHODS[name]}"))
    once = {(one.kind, one.name, one.line): one for one in found}
    return sorted(once.values(), key=lambda one: (one.line, one.kind, one.name))


def _python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _judge_import(one: Imported) -> Finding | None:
    if one.module.partition(".")[0] != "airflow":
        return None
    path = one.module if one.name is None else f"{one.module}.{one.name}"
    package = provider_of(f"{one.module}." if one.name is None else one.module, "airflow")
    moved = _moved(one.module, one.name)
    if package is not None and moved is None:
        return _judge_provider(one, path, package)
    level, advice = probe(one.module, one.name)
    if moved is not None and level == "change":
        package = provider_of(moved, "airflow") or _needed(moved) or package
        if package is not None and _installed(package) is None:
            newer = "" if moved.startswith("bide.") else f"; it is {moved} now"
            return Finding(one.line, "install", "provider", path, f"bide provider add {package}{newer}")
    return None if level is None else Finding(one.line, level, "import", path, advice)


def _judge_provider(one: Imported, path: str, package: str) -> Finding | None:
    found = _installed(package)
    if found is None:
        return Finding(one.line, "install", "provider", path, f"bide provider add {package}")
    module = one.module
    names = _names_of(module)
    if names is None:
        advice = f"{PREFIX}{package} {found} has no module {module}: see its changelog for where it is now"
        return Finding(one.line, "change", "provider", path, advice)
    if one.name is None or one.name in names or _names_of(f"{module}.{one.name}") is not None:
        return None
    advice = f"{PREFIX}{package} {found} has no {one.name} in {module}: see its changelog for what it is now"
    return Finding(one.line, "change", "provider", path, advice)


def _judge_package(one: Imported, place: Place) -> Finding | None:
    name = one.module.partition(".")[0]
    if name in ("airflow", "bide") or name in sys.stdlib_module_names or _is_local(name, place):
        return None
    if _is_there(name):
        return None
    return Finding(one.line, "install", "package", name, f"install the package that has the module {name}")


def _judge_use(used: Used) -> Iterator[Finding]:
    if not used.path.startswith("airflow."):
        return
    if used.path.startswith(_SESSIONS):
        name = next(one for one in _SESSIONS if used.path.startswith(one))
        yield Finding(used.line, "change", "database", name, _DATABASE)
        return
    if "catchup" in used.switched_on:
        yield Finding(used.line, "note", "catchup", "catchup=True", _CATCHUP)
    owner, rest = _object(used.path)
    if isinstance(owner, TableType) and (rest or used.is_call):
        yield Finding(used.line, "change", "database", used.path, _DATABASE)
    elif inspect.isclass(owner) and rest and used.is_call and not hasattr(owner, rest):
        yield Finding(used.line, "change", "database", used.path, _no_method(owner, rest))
    elif inspect.isclass(owner) and not rest and used.is_call and issubclass(owner, BaseOperator | DAG):
        yield from _judge_arguments(owner, used)


def _no_method(owner: type, name: str) -> str:
    if owner.__name__ in ("DagRun", "TaskInstance", "XCom", "Connection"):
        return _DATABASE
    return f"{owner.__name__} has no {name}() here"


def _judge_arguments(owner: type, used: Used) -> Iterator[Finding]:
    known = argument_names(owner)
    older = DAG_ARGUMENTS if issubclass(owner, DAG) else TASK_ARGUMENTS
    for name in used.arguments:
        where = f"{owner.__name__}({name}=)"
        if name in known and name in older:
            yield Finding(used.line, "note", "argument", where, f"works; newer: {older[name]}")
        elif name in known and name in _ARGUMENTS:
            yield Finding(used.line, "note", "argument", where, _ARGUMENTS[name])
        elif name not in known:
            instead = gone_argument(cast("type[object]", owner), name) or "there is no such argument: leave it out"
            yield Finding(used.line, "change", "argument", where, instead)


@cache
def probe(module: str, name: str | None) -> tuple[Level | None, str]:
    """Whether Airflow's name is served, and what to do if it is not, or has moved."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = import_module(module)
            if name is not None and not hasattr(found, name):
                try:
                    import_module(f"{module}.{name}")
                except ModuleNotFoundError:
                    getattr(found, name)
        except (ImportError, AttributeError) as error:
            return "change", str(error)
    said = next((str(one.message) for one in caught if "has moved" in str(one.message)), None)
    return (None, "") if said is None else ("note", f"works; newer: {said.partition(': use ')[2]}")


@cache
def _object(path: str) -> tuple[Any, str]:
    """The object that the longest part of `path` names, and what is left of it; None if there is none."""
    parts = path.split(".")
    if provider_of(f"{path}.", "airflow") is not None:
        return None, ""
    for length in range(len(parts) - 1, 0, -1):
        module, name = ".".join(parts[:length]), parts[length]
        if probe(module, name)[0] == "change":
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found: Any = getattr(import_module(module), name, None)
        return found, ".".join(parts[length + 1 :])
    return None, ""


def _moved(module: str, name: str | None) -> str | None:
    """The new path of a name that has moved."""
    if name is None:
        return None
    return import_module("airflow._moved").MOVED.get(module, {}).get(name)


def _needed(path: str) -> str | None:
    """The package that has the hook which a stand-in of Bide's uses."""
    return import_module("airflow._moved_packages").NEEDS.get(path)


@cache
def _installed(package: str) -> str | None:
    try:
        return version(PREFIX + package)
    except PackageNotFoundError:
        return None


@cache
def _names_of(module: str) -> frozenset[str] | None:
    """The names that a module of a provider package has at its top; None if there is no such module."""
    inside = Path(*module.split(".")[1:])
    for folder in import_module("airflow").__path__:
        for path in (Path(folder, f"{inside}.py"), Path(folder, inside, "__init__.py")):
            if path.is_file():
                return frozenset(_top_names(path))
        if Path(folder, inside).is_dir():
            return frozenset()
    return None


def _top_names(path: Path) -> Iterator[str]:
    source = path.read_bytes()
    for one in read_facts(source).imports:
        if one.name is not None:
            yield one.name
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.alias):
            yield node.asname or node.name


def _is_local(name: str, place: Place) -> bool:
    if name in place.packed:
        return True
    return any((folder / f"{name}.py").is_file() or (folder / name).is_dir() for folder in place.folders)


@cache
def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False
