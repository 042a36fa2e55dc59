"""``on_kill()`` of an operator whose task waits.

Operators of packages submit a job and wait for it with a trigger that can't cancel it, while the operator itself
can. So where the trigger has no ``on_kill()`` of its own, what the operator has set on itself goes with the wait:
its attributes, as far as they can be stored. When the task is ended by force, the operator is made of them again,
and its ``on_kill()`` is called.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import msgspec

from bide.authoring.calling import call_aside
from bide.authoring.operator import BaseOperator
from bide.model.errors import InvalidArgument, NotSerializable
from bide.model.values import decode, encode
from bide.runner.held_trigger import OPERATOR, build_trigger
from bide.runner.resolve import LoadDagFile, resolve_operator
from bide.runner.trigger_classes import ClassPath, FoundClass, class_path
from bide.wire.messages import TriggerLoad, WaitSpec

_log = logging.getLogger("bide.runner")

#: Bytes of an attribute that is kept: a job has an id, and no data.
_LARGEST: Final = 1 << 16


def with_operator(spec: WaitSpec, task: BaseOperator, dag_file: str, load: LoadDagFile) -> WaitSpec:
    """`spec` with what it takes to call ``task.on_kill()``, if that is what cancels the work outside."""
    if spec.has_on_kill or spec.children or not _cancels(type(task)):
        return spec
    path = f"{type(task).__module__}.{type(task).__qualname__}"
    try:
        found = resolve_operator(path, dag_file, load)
    except InvalidArgument:
        found = None
    if found is not type(task):
        _log.info(
            "%s.on_kill() will not be called while it waits: no import leads to its class", type(task).__name__
        )
        return spec
    attributes, left = _attributes(task)
    operator = {"path": path, "attributes": attributes, "left": left}
    kwargs = encode({**decode(spec.kwargs), OPERATOR: operator}, what="attributes of the operator")
    return msgspec.structs.replace(spec, kwargs=kwargs, has_on_kill=True)


def _cancels(cls: type[BaseOperator]) -> bool:
    """Whether its ``on_kill()`` is somebody else's: those of Bide stop processes of the worker alone."""
    owner = next(one for one in cls.__mro__ if "on_kill" in vars(one))
    return not owner.__module__.startswith("bide.")


def _attributes(task: BaseOperator) -> tuple[dict[str, Any], list[str]]:
    """What can be kept of it by name, and the names of the rest."""
    kept: dict[str, Any] = {"task_id": task.task_id}
    left: list[str] = []
    for name, value in vars(task).items():
        if name in _bare():
            continue
        try:
            small = len(encode(value, what=name)) <= _LARGEST
        except NotSerializable:
            small = False
        if small:
            kept[name] = value
        else:
            left.append(name)
    return kept, left


@cache
def _bare() -> Mapping[str, Any]:
    """The attributes that all operators have."""
    return vars(BaseOperator(task_id="operator"))


def path_to_kill(load: TriggerLoad) -> ClassPath:
    """Whose ``on_kill()`` is to be called: that of an operator or a trigger."""
    operator = operator_of(load)
    if operator is None:
        return class_path(load.classpath, load.dag_file, load.dag_folder)
    return class_path(operator["path"], load.dag_file, load.dag_folder, of="operator")


async def call_on_kill(cls: FoundClass, load: TriggerLoad) -> None:
    """Make what :func:`path_to_kill` has named again, and await its ``on_kill()``; a plain one runs in a thread."""
    if isinstance(cls, BaseException):
        raise cls
    operator = operator_of(load)
    if operator is None:
        await build_trigger(cls, load).on_kill()
    else:
        await _kill(_made_again(cls, operator["attributes"]), operator["left"])
    _log.info("External work cancelled: %s.on_kill() has returned", cls.__name__)


def operator_of(load: TriggerLoad) -> dict[str, Any] | None:
    """What was kept of the operator; None if the trigger's own ``on_kill()`` is meant."""
    kwargs: dict[str, Any] = decode(load.kwargs)
    return kwargs.get(OPERATOR)


def _made_again(cls: type[BaseOperator], attributes: Mapping[str, Any]) -> BaseOperator:
    operator = cls.__new__(cls)
    # _ready: attributes that are set from here on are no business of a DAG.
    vars(operator).update({**_bare(), **attributes, "_ready": False})
    return operator


async def _kill(operator: BaseOperator, left: list[str]) -> None:
    try:
        await call_aside(operator.on_kill)
    except AttributeError as error:
        if error.obj is not operator:
            raise
        why = "can't be kept over the wait" if error.name in left else "its task had not set"
        # Another attempt would end the same way, and hold up the next try for nothing.
        _log.error(
            "%s.on_kill() has cancelled nothing: it needs %s, which %s", type(operator).__name__, error.name, why
        )
