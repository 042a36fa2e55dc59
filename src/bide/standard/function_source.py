"""The source of a function, as a script of its own that another interpreter can run."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final

from bide.authoring.function_text import function_text
from bide.model.errors import InvalidArgument

#: Runs in the other interpreter, which need not have Bide: standard library only, Python 3.8 and newer.
_SCRIPT: Final = """\
from __future__ import annotations

import datetime as _bide_datetime
import json as _bide_json
import sys as _bide_sys
import {serializer} as _bide_serializer

with open(_bide_sys.argv[1], "rb") as _bide_file:
    _bide_call = _bide_serializer.load(_bide_file)
virtualenv_string_args = _bide_call["string_args"]


def _bide_moment(text):
    try:
        import pendulum
    except ImportError:
        return _bide_datetime.datetime.fromisoformat(text)
    return pendulum.parse(text)


{source}

try:
    _bide_kwargs = dict(_bide_call["kwargs"])
    _bide_kwargs.update((name, _bide_moment(text)) for name, text in _bide_call["moments"].items())
    _bide_result = {name}(*_bide_call["args"], **_bide_kwargs)
except Exception as _bide_error:
    with open(_bide_sys.argv[3], "w") as _bide_file:
        _bide_json.dump(f"{{type(_bide_error).__name__}}: {{_bide_error}}", _bide_file)
    raise
with open(_bide_sys.argv[2], "wb") as _bide_file:
    _bide_serializer.dump(_bide_result, _bide_file, **{options})
"""


def script_of(function: Callable[..., Any], *, serializer: str, of: str) -> str:
    """A script that calls `function` with what its first file has, and writes what that returns to the second.

    The text of an exception goes to the third. Raises :class:`InvalidArgument` for what has no source of its own.
    """
    name = getattr(function, "__name__", "")
    if not inspect.isfunction(function) or name == "<lambda>":
        raise InvalidArgument(f"{of}: another interpreter can run a function made with def, not {function!r}")
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise InvalidArgument(f"{of}: {name}() must be a plain function to be run by another interpreter")
    try:
        text = function_text(function)
    except OSError as error:
        raise InvalidArgument(f"{of}: the source of {name}() can't be read: {error}") from None
    return _SCRIPT.format(
        serializer=serializer,
        source=text,
        name=name,
        # Whatever the newer of the two interpreters can write, both must read.
        options={"protocol": 4} if serializer == "pickle" else {},
    )
