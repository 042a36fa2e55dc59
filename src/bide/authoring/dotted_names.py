"""Classes and functions by the path of their module and their name."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pkgutil


def import_string(dotted_path: str) -> Any:
    """What ``package.module.Name`` names. Raises ImportError."""
    module, _, name = dotted_path.rpartition(".")
    if not module:
        raise ImportError(f"{dotted_path!r} names no module: write package.module.Name")
    found = import_module(module)
    try:
        return getattr(found, name)
    except AttributeError as error:  # the module itself may have said what to use instead
        raise ImportError(f"module {module!r} has no {name!r}: {error}", name=module) from error


def qualname(o: object | Callable[..., Any], use_qualname: bool = False, exclude_module: bool = False) -> str:
    """Path of a class, function or partial, or of an object's class, as :func:`import_string` takes it.

    With `use_qualname` classes around it are named, too; with `exclude_module` it is the name alone.
    """
    while isinstance(o, functools.partial):
        o = o.func
    if not hasattr(o, "__qualname__"):
        o = type(o)
    own: Any = o
    name: str = own.__qualname__ if use_qualname or exclude_module else own.__name__
    return name if exclude_module else f"{own.__module__}.{name}"


def iter_namespace(ns: ModuleType) -> Iterator[pkgutil.ModuleInfo]:
    """The modules in a package, by their whole names."""
    import pkgutil  # DAG files don't need it, and `import bide` is to be cheap

    return pkgutil.iter_modules(ns.__path__, ns.__name__ + ".")


def is_valid_dotpath(path: str) -> bool:
    """Whether `path` could name something in a module: identifiers with dots between, at least two."""
    parts = path.split(".")
    return len(parts) > 1 and all(part.isidentifier() for part in parts)
