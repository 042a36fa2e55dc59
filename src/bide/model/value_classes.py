"""Objects of users' classes as values: what is stored of them, and who may build them again.

Stored is ``["class", kind, "package.module:Name", version, content]``: the fields of dataclasses, attrs classes,
pydantic models and named tuples, the value of an enum's member, and what ``serialize()`` of any other class returns
that has ``deserialize(data, version)`` too. This is done, and objects are built again, only where
:func:`use_policy` was called, which is in processes of users, and for classes that the policy has nothing against.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping
from enum import Enum
from importlib import import_module
from typing import Any, Final, NamedTuple, cast

from bide.model.errors import NotSerializable, ValueRefused

#: Gets ``package.module`` and ``Name``; says why the class must not be built, or None.
Policy = Callable[[str, str], str | None]

_policy: Policy | None = None


class ClassForm(NamedTuple):
    """What is stored of an object; `content` is a value in its turn."""

    kind: str
    name: str
    version: int
    content: Any


def use_policy(policy: Policy | None) -> Policy | None:
    """Store and build objects of users' classes in this process, those that `policy` says nothing against.

    The answer is the policy that counted before; None stands for no such objects at all.
    """
    global _policy  # a process is one of users, or it is none
    before, _policy = _policy, policy
    return before


def form_of(value: Any) -> ClassForm | None:
    """What to store of an object; None if it is of no kind that is known here.

    Raises :class:`NotSerializable` for one that could not be built again. A named tuple is a tuple then.
    """
    if _policy is None:
        return None
    for kind, is_one, content, _ in _KINDS:
        if is_one(value):
            cls = cast("type[Any]", type(value))
            against = _against(cls, _policy)
            if against is not None:
                if kind == "namedtuple":
                    return None
                raise NotSerializable(against)
            version = getattr(cls, "__version__", 1)
            name = f"{cls.__module__}:{cls.__qualname__}"
            return ClassForm(kind, name, version if isinstance(version, int) else 1, content(value))
    return None


def _against(cls: type[Any], policy: Policy) -> str | None:
    if "<locals>" in cls.__qualname__:
        return (
            f"its class {cls.__qualname__} is defined inside of a function, where nobody finds it again; "
            "define it at the top level of a module"
        )
    return policy(cls.__module__, cls.__qualname__)


def rebuild(kind: str, name: str, version: int, content: Any) -> Any:
    """The object again. Raises :class:`ValueRefused`, with what to do, if it must or can not be built here."""
    module, _, qualname = name.partition(":")
    if _policy is None:
        raise ValueRefused(f"a {module}.{qualname} is only built in processes that run tasks and triggers")
    against = _policy(module, qualname)
    if against is not None:
        raise ValueRefused(against)
    cls = _find(module, qualname)
    for known, _, _, build in _KINDS:
        if known == kind:
            try:
                return build(cls, content, version)
            except Exception as error:
                raise ValueRefused(
                    f"a {module}.{qualname} can't be built from what was stored: {type(error).__name__}: {error}"
                ) from error
    raise ValueRefused(f"a {module}.{qualname} was stored as {kind!r}, which this version of Bide does not know")


def _find(module: str, qualname: str) -> Any:
    try:
        found: Any = sys.modules[module] if module in sys.modules else import_module(module)
        for part in qualname.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise ValueRefused(
            f"the class {module}.{qualname} of a stored value isn't here: {error}. A class that several DAG files "
            "use is best kept in a module of its own in the DAG folder or the plugin folder"
        ) from None
    if not isinstance(found, type):
        raise ValueRefused(f"{module}.{qualname} of a stored value is no class")
    return cast("type[Any]", found)


# --- kinds --------------------------------------------------------------------------------------------------------


def _is_enum(value: Any) -> bool:
    # Members that are texts or numbers are stored as such, which others can read too.
    return isinstance(value, Enum) and not isinstance(value, str | int | float)


def _is_named_tuple(value: Any) -> bool:
    return isinstance(value, tuple) and hasattr(cast("Any", value).__class__, "_fields")


def _is_pydantic(value: Any) -> bool:
    cls = cast("Any", type(value))
    return hasattr(cls, "model_validate") and hasattr(cls, "model_dump") and hasattr(cls, "model_fields")


def _is_attrs(value: Any) -> bool:
    return hasattr(cast("Any", type(value)), "__attrs_attrs__")


def _is_dataclass(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _is_own(value: Any) -> bool:
    cls = cast("Any", type(value))
    return callable(getattr(cls, "serialize", None)) and callable(getattr(cls, "deserialize", None))


def _fields_of_dataclass(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _build_dataclass(cls: Any, content: Any, version: int) -> Any:
    given = dict(cast("Mapping[str, Any]", content))
    later = {field.name for field in dataclasses.fields(cls) if not field.init}
    made = cls(**{name: item for name, item in given.items() if name not in later})
    for name in later & given.keys():
        object.__setattr__(made, name, given[name])
    return made


def _fields_of_attrs(value: Any) -> dict[str, Any]:
    return {one.name: getattr(value, one.name) for one in cast("Any", type(value)).__attrs_attrs__}


def _build_attrs(cls: Any, content: Any, version: int) -> Any:
    given: dict[str, Any] = {}
    later: dict[str, Any] = {}
    for one in cls.__attrs_attrs__:
        if one.name in content:
            (given if one.init else later)[one.alias if one.init else one.name] = content[one.name]
    made = cls(**given)
    for name, item in later.items():
        object.__setattr__(made, name, item)
    return made


def _fields_of_pydantic(value: Any) -> dict[str, Any]:
    names = cast("dict[str, Any]", cast("Any", type(value)).model_fields)
    return {name: getattr(value, name) for name in names if name in value.model_fields_set}


def _build_pydantic(cls: Any, content: Any, version: int) -> Any:
    try:
        return cls.model_validate(content, by_name=True)
    except TypeError:  # of a pydantic that has no by_name
        return cls.model_validate(content)


_KINDS: Final[
    tuple[tuple[str, Callable[[Any], bool], Callable[[Any], Any], Callable[[Any, Any, int], Any]], ...]
] = (
    ("enum", _is_enum, lambda value: value.value, lambda cls, content, _: cls(content)),
    ("namedtuple", _is_named_tuple, list, lambda cls, content, _: cls._make(content)),
    ("pydantic", _is_pydantic, _fields_of_pydantic, _build_pydantic),
    ("attrs", _is_attrs, _fields_of_attrs, _build_attrs),
    (
        "own",
        _is_own,
        lambda value: value.serialize(),
        lambda cls, content, version: cls.deserialize(content, version),
    ),
    ("dataclass", _is_dataclass, _fields_of_dataclass, _build_dataclass),
)
