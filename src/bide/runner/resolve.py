"""Finding trigger classes by the path that ``serialize()`` gives."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType
from typing import Any

from bide.authoring.loading import LoadedFile
from bide.authoring.operator import BaseOperator
from bide.authoring.trigger import BaseTrigger
from bide.model.dag_modules import module_name
from bide.model.errors import InvalidArgument
from bide.runner.failures import one_line

#: Imports the DAG file if it is not imported yet.
LoadDagFile = Callable[[], LoadedFile]

_finds_live_classes: ContextVar[bool] = ContextVar("bide_finds_live_classes", default=False)


@contextmanager
def live_classes() -> Generator[None]:
    """Find also trigger classes that no import leads to, such as one made in a function.

    For where tasks and triggers share the process that made them: the classes are there.
    """
    token = _finds_live_classes.set(True)
    try:
        yield
    finally:
        _finds_live_classes.reset(token)


def resolve_trigger(classpath: str, dag_file: str, load: LoadDagFile) -> type[BaseTrigger]:
    """The trigger class ``module.Class``, which may be defined in the DAG file itself.

    Raises :class:`InvalidArgument` if there is none, or it is no trigger; the cause is what an import raised.
    """
    module_path, _, name = classpath.rpartition(".")
    if not module_path:
        raise InvalidArgument(
            f"trigger class {classpath!r} must have its module in front, like 'my_module.MyTrigger'"
        )
    found = _found(classpath, module_path, name, dag_file, load, BaseTrigger)
    if not isinstance(found, type):
        raise InvalidArgument(f"trigger class {classpath!r} is no class but {found!r}")
    if not issubclass(found, BaseTrigger):
        raise InvalidArgument(f"trigger class {classpath!r} is no trigger: it must derive from BaseTrigger")
    return found


def resolve_operator(classpath: str, dag_file: str, load: LoadDagFile) -> type[BaseOperator]:
    """The operator class ``module.Class``, which may be defined in the DAG file itself; raises the same."""
    module_path, _, name = classpath.rpartition(".")
    found = _found(classpath, module_path, name, dag_file, load, BaseOperator)
    if not isinstance(found, type) or not issubclass(found, BaseOperator):
        raise InvalidArgument(f"operator class {classpath!r} is no operator but {found!r}")
    return found


def _found(classpath: str, module_path: str, name: str, dag_file: str, load: LoadDagFile, base: type) -> Any:
    try:
        return _find(classpath, module_path, name, dag_file, load)
    except InvalidArgument:
        found = _live_class(module_path, name, base) if _finds_live_classes.get() else None
        if found is None:
            raise
        return found


def _find(classpath: str, module_path: str, name: str, dag_file: str, load: LoadDagFile) -> Any:
    if module_path.split(".")[0] in (module_name(dag_file), Path(dag_file).stem):
        nested = classpath.split(".")[1:]
        found = _look(_dag_module(classpath, load), nested)
        if found is not None:
            return found
    try:
        module = importlib.import_module(module_path)
    except ModuleNotFoundError as error:
        if error.name is None or not (module_path == error.name or module_path.startswith(error.name + ".")):
            raise _not_importable(classpath, error) from error
        return _find_beside(classpath, module_path, name, error, load)
    except BaseException as error:
        # Whatever its code does, such as sys.exit(): it is about this class only.
        raise _not_importable(classpath, error) from error
    found = _look(module, [name])
    if found is None:
        raise InvalidArgument(f"trigger class {classpath!r}: the module {module_path} has no {name!r}")
    return found


def _find_beside(classpath: str, module_path: str, name: str, error: ImportError, load: LoadDagFile) -> Any:
    """No such module: a class in a class, or one of the DAG file that goes by another name."""
    outer_path, _, outer = module_path.rpartition(".")
    module = _imported(outer_path) if outer_path else None
    found = _look(module, [outer, name]) if module is not None else None
    if found is None:
        found = _look(_dag_module(classpath, load), [name])
    if found is None:
        raise _not_importable(classpath, error) from error
    return found


def _live_class(module_path: str, name: str, base: type) -> type | None:
    """The class of that name that was made last in the module, or in a function or class of it."""
    found: type | None = None
    for cls in _subclasses(base):
        if cls.__name__ == name and f"{module_path}.".startswith(f"{cls.__module__}."):
            found = cls
    return found


def _subclasses(cls: type) -> Iterator[type]:
    for sub in cls.__subclasses__():
        yield sub
        yield from _subclasses(sub)


def _imported(path: str) -> ModuleType | None:
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        return None


def _look(scope: object, names: list[str]) -> Any:
    for name in names:
        scope = getattr(scope, name, None)
    return scope


def _dag_module(classpath: str, load: LoadDagFile) -> ModuleType:
    loaded = load()
    if loaded.module is None:
        raise InvalidArgument(
            f"trigger class {classpath!r}: its DAG file can't be imported: {loaded.errors[0].message}"
        )
    return loaded.module


def _not_importable(classpath: str, error: BaseException) -> InvalidArgument:
    return InvalidArgument(
        f"trigger class {classpath!r} can't be imported: {one_line(error)}. "
        "It must be in an installed package, in a module in the DAG folder, or in the DAG file itself"
    )
