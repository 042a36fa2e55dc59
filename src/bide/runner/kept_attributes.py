"""What an operator has set on itself, carried over its waits where its class asks for that."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final, cast

from bide.authoring.operator import BaseOperator
from bide.model.errors import InvalidArgument, NotSerializable
from bide.model.values import encode

_log = logging.getLogger("bide.runner")

#: Among the stored arguments of the method that goes on.
KEY: Final = "__kept_attributes__"

#: Attributes by name, with their stored forms where they can be changed in place.
Noted = Mapping[str, tuple[Any, bytes | None]]


def note_attributes(task: BaseOperator) -> Noted:
    """The attributes of `task` as they are now; none if it keeps none."""
    if not task.kept_attributes:
        return {}
    return {name: (value, _form(value)) for name, value in vars(task).items()}


def attributes_to_keep(task: BaseOperator, noted: Noted) -> dict[str, Any]:
    """What of `task` has to be there when it goes on.

    Those that are named have to be storable, else it is :class:`NotSerializable`; of all that its code has set or
    changed, if that is what it keeps, the others are left behind with a line in the log.
    """
    chosen: Any = task.kept_attributes
    if not chosen:
        return {}
    if isinstance(chosen, str):
        cls = type(task).__name__
        raise InvalidArgument(f"{cls}.kept_attributes is a string; write ({chosen!r},) for one attribute")
    if chosen is not True:
        found = {name: getattr(task, name) for name in chosen if hasattr(task, name)}
        for name, value in found.items():
            encode(value, what=f"attribute {name} of {type(task).__name__}")
        return found
    kept: dict[str, Any] = {}
    left: list[str] = []
    for name, value in vars(task).items():
        if name in noted and noted[name][0] is value and noted[name][1] == _form(value):
            continue
        try:
            encode(value, what=name)
        except NotSerializable:
            left.append(name)
        else:
            kept[name] = value
    if left:
        _log.warning("Not kept over the wait, since they can't be stored: %s", ", ".join(left))
    return kept


def restore_attributes(task: BaseOperator, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Set on `task` what was kept among its stored arguments `kwargs`; the others."""
    kept = kwargs.get(KEY)
    if kept is None:
        return kwargs
    vars(task).update(kept)
    return {name: value for name, value in kwargs.items() if name != KEY}


def _form(value: object) -> bytes | None:
    """The stored form of something that can be changed in place; None for all else, and what can't be stored."""
    if not isinstance(value, list | dict | set):
        return None
    try:
        return encode(cast("object", value), what="")
    except NotSerializable:
        return None
