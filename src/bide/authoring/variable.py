"""Variables: texts by key that DAG files and tasks look up, and tasks may change."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from bide.authoring.lookups import find_variable
from bide.authoring.runtime import current_runtime
from bide.model.errors import InvalidArgument, VariableNotFound
from bide.observe.masking import add_secret, is_secret_name, mask_secret


class _NotGiven:
    def __repr__(self) -> str:
        return "<not given>"


_NOT_GIVEN: Final = _NotGiven()


class Variable:
    """``Variable.get("threshold", default="5")``; all methods belong to the class."""

    @staticmethod
    def get(
        key: str, default: Any = _NOT_GIVEN, deserialize_json: bool = False, *, default_var: Any = _NOT_GIVEN
    ) -> Any:
        """The text of a variable, or what its JSON says; `default` (or ``default_var``) if there is none.

        Looked up anew at every call. Raises :class:`~bide.model.errors.VariableNotFound`, a ``KeyError`` too.
        """
        if default is _NOT_GIVEN:
            default = default_var
        try:
            text = find_variable(key)
        except VariableNotFound:
            if default is _NOT_GIVEN:
                raise
            return default
        return _from_json(key, text) if deserialize_json else text

    @staticmethod
    async def async_get(key: str, default: Any = _NOT_GIVEN, deserialize_json: bool = False) -> Any:
        """As :meth:`get`, awaited: in a trigger it holds up nobody."""
        return await asyncio.to_thread(Variable.get, key, default, deserialize_json)

    @staticmethod
    def set(
        key: str,
        value: Any,
        description: str | None = None,
        serialize_json: bool = False,
        *,
        is_secret: bool | None = None,
    ) -> None:
        """Set a variable, from a task; durable on return. What is no text is stored as ``str()`` has it, or JSON.

        `is_secret`: whether its value is masked everywhere; None leaves it, and lets a new one's name decide.
        """
        text = _to_json(key, value) if serialize_json else value if isinstance(value, str) else str(value)
        if is_secret or (is_secret is None and is_secret_name(key)):
            add_secret(text)
        current_runtime().set_variable(key, text, description, is_secret)

    @staticmethod
    def setdefault(key: str, default: Any, description: str | None = None, deserialize_json: bool = False) -> Any:
        """The variable; set to `default` first if there is none."""
        found = Variable.get(key, None, deserialize_json)
        if found is not None:
            return found
        if default is None:
            raise InvalidArgument(f"Variable.setdefault({key!r}): the default can't be None")
        Variable.set(key, default, description, serialize_json=deserialize_json)
        return default

    @staticmethod
    def update(key: str, value: Any, serialize_json: bool = False) -> None:
        """Set a variable that is there. Raises :class:`~bide.model.errors.VariableNotFound`."""
        find_variable(key)
        Variable.set(key, value, serialize_json=serialize_json)

    @staticmethod
    def delete(key: str) -> int:
        """Forget a variable, from a task; how many there were."""
        return int(current_runtime().delete_variable(key))


def _from_json(key: str, text: str) -> Any:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidArgument(f"the variable {key!r} is no JSON: {_place(error)}") from None
    mask_secret(found, key)
    return found


def _to_json(key: str, value: Any) -> str:
    try:
        return json.dumps(value, indent=2)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"the value for variable {key!r} can't be written as JSON: {error}") from None


def _place(error: ValueError) -> str:
    """Where, but not what: the value may be a secret."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    return type(error).__name__
