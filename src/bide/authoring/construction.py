"""How operators are made: ``default_args`` fill in what a constructor was not given, and wrong arguments are named.

Each ``__init__`` of an operator class is wrapped once, when the class is made. Before it runs, arguments that its
own signature has and its caller left out are taken from ``default_args``; so a subclass that sets an argument for
its base class wins over the DAG's defaults, and an argument that only the base class has is found there.
"""

from __future__ import annotations

import functools
import inspect
from abc import ABCMeta
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, ParamSpec, cast

from bide.authoring.hints import did_you_mean
from bide.authoring.older_names import PACKAGE_VALUES, TASK_ARGUMENTS, replace_values, warn_of_arguments
from bide.authoring.scope import current_dag, current_group
from bide.model.errors import InvalidArgument

P = ParamSpec("P")

#: Types that :func:`copy_containers` looks into; subclasses of them are left alone.
CONTAINERS: Final = frozenset({list, dict, set, tuple})
_BY_NAME: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class OperatorType(ABCMeta):
    """Metaclass of operators: gives each new one the defaults that its constructors take from."""

    # Type checkers read the signatures of the classes themselves; through this one they would see no arguments.
    if not TYPE_CHECKING:

        def __call__(cls, /, *args: Any, **kwargs: Any) -> Any:
            operator = cls.__new__(cls, *args, **kwargs)
            if not isinstance(operator, cls):
                return operator
            operator._defaults = gather_defaults(kwargs)
            try:
                operator.__init__(*args, **kwargs)
                operator._finish_construction()
            except BaseException:
                # Whoever goes on all the same has no half of it in the DAG.
                operator.leave_dag()
                raise
            return operator


def gather_defaults(kwargs: dict[str, Any]) -> dict[str, Any]:
    """``default_args`` of the DAG, then of the groups from outside in, then the task's own."""
    merged: dict[str, Any] = {}
    group = kwargs.get("task_group") or current_group()
    dag = kwargs.get("dag") or (group.dag if group is not None else None) or current_dag()
    if dag is not None:
        merged.update(dag.default_args)
    if group is not None and (dag is None or group.dag is dag):
        merged.update(group.inherited_default_args())
    merged.update(kwargs.get("default_args") or {})
    return {name: copy_containers(value) for name, value in merged.items()}


def copy_containers(value: Any, _copies: dict[int, Any] | None = None) -> Any:
    """`value` with its lists, dicts and sets copied all the way down; what they hold is the same objects.

    Unlike :func:`copy.deepcopy` it never fails: clients, locks and open files are left alone.
    """
    kind = cast("Any", type(value))
    if kind not in CONTAINERS:
        return value
    copies: dict[int, Any] = {} if _copies is None else _copies
    if id(value) in copies:
        return copies[id(value)]
    if kind is tuple:
        return tuple(copy_containers(item, copies) for item in value)
    if kind is set:
        return set(value)
    fresh = cast("Any", kind())
    copies[id(value)] = fresh
    if kind is list:
        fresh.extend(copy_containers(item, copies) for item in value)
    else:
        fresh.update((key, copy_containers(item, copies)) for key, item in value.items())
    return fresh


def argument_names(cls: type) -> set[str]:
    """All arguments that constructors of `cls` and its bases name."""
    names: set[str] = set()
    for base in cls.__mro__:
        init = cast("Callable[..., None] | None", base.__dict__.get("__init__"))
        if init is not None and base is not object:
            parameters = inspect.signature(init).parameters.values()
            names.update(parameter.name for parameter in parameters if parameter.kind in _BY_NAME)
    return names - {"self"}


def filling_defaults(init: Callable[P, None]) -> Callable[P, None]:
    """`init`, with arguments from ``default_args`` and messages that name task and argument."""
    parameters = list(inspect.signature(init).parameters.values())[1:]
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    by_name = {p.name for p in parameters if p.kind in _BY_NAME}
    required = [p.name for p in parameters if p.kind in _BY_NAME and p.default is p.empty]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    # Operators of others may have arguments of these names that mean something else.
    older = by_name & TASK_ARGUMENTS.keys() if init.__module__.startswith("bide.") else set[str]()

    values = PACKAGE_VALUES.get(f"{init.__module__}.{init.__qualname__.removesuffix('.__init__')}")

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        given = set(positional[: len(args)])
        for name, value in self._defaults.items():
            if name in by_name and name not in kwargs and name not in given:
                kwargs[name] = value
        if values is not None:
            replace_values(_who(self, kwargs), kwargs, values)
        if not older.isdisjoint(kwargs):
            warn_of_arguments(_who(self, kwargs), [name for name in kwargs if name in older], TASK_ARGUMENTS)
        missing = next((name for name in required if name not in kwargs and name not in given), None)
        if missing is not None or not takes_any:
            cls = cast("type[object]", type(self))
            known = argument_names(cls) if takes_any else by_name
            for name in kwargs:
                if name not in known:
                    raise _unknown(self, name, kwargs)
        if missing is not None:
            raise InvalidArgument(f"{_who(self, kwargs)}: the argument {missing!r} is missing")
        cast("Any", init)(self, *args, **kwargs)

    return cast("Callable[P, None]", functools.wraps(init)(__init__))


def _who(operator: object, kwargs: dict[str, Any]) -> str:
    task_id = kwargs.get("task_id", getattr(operator, "task_id", None))
    cls = type(operator).__name__
    return cls if task_id is None else f"task {task_id!r} ({cls})"


def _unknown(operator: object, name: str, kwargs: dict[str, Any]) -> InvalidArgument:
    gone = gone_argument(type(operator), name)
    hint = f": {gone}" if gone else did_you_mean(name, argument_names(type(operator)))
    return InvalidArgument(f"{_who(operator, kwargs)}: unknown argument {name!r}{hint}")


def gone_argument(owner: type, name: str) -> str | None:
    """What to write instead of an argument of earlier releases: by ``GONE_ARGUMENTS`` of the class."""
    table: dict[str, str] = getattr(owner, "GONE_ARGUMENTS", {})
    return table.get(name)
