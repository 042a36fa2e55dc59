"""Whether values of parameters are what their JSON schemas (https://json-schema.org, 2020-12) say.

jsonschema takes as long to import as half of Bide, so it is imported by those who have a schema to check.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from jsonschema import FormatChecker

#: Characters of a value that a message shows.
_SHOWN: Final = 100


class Described(Protocol):
    """What is known of a parameter beside its default."""

    @property
    def schema(self) -> Mapping[str, Any]:
        """Empty if any value will do."""
        ...

    @property
    def required(self) -> bool:
        """Whether each run has to give a value, since there is none."""
        ...


def problem_of(schema: Mapping[str, Any], value: Any) -> str:
    """What is wrong with `value`, in words; empty if it is as `schema` says."""
    if not schema:
        return ""
    problem = problem_of_schema(schema)
    if problem:
        return f"its schema is wrong: {problem}"
    found: Any = _exceptions().best_match(_validator(_key(schema)).iter_errors(value))
    if found is None:
        return ""
    place = "" if found.json_path == "$" else f" at {found.json_path}"
    return f"{_short(found.message)}{place}"


def problem_of_schema(schema: Mapping[str, Any]) -> str:
    """What is wrong with the schema itself; empty if nothing is."""
    try:
        _validator(_key(schema))
    except _exceptions().SchemaError as error:
        return str(error.message)
    return ""


def _exceptions() -> Any:
    """The module, whose types are not told."""
    from jsonschema import exceptions

    return exceptions


def problem_of_values(params: Mapping[str, Described], defaults: Mapping[str, Any], conf: Mapping[str, Any]) -> str:
    """What is wrong with the parameters of a run with this `conf`: the first of all, by name."""
    for name, param in params.items():
        if name in conf:
            problem = problem_of(param.schema, conf[name])
        elif param.required or name not in defaults:
            problem = "it has no default, so conf must give a value for it"
        else:
            problem = problem_of(param.schema, defaults[name])
            problem = f"{problem}; that is its default, so conf must give a value for it" if problem else ""
        if problem:
            return f"param {name!r}: {problem}"
    return ""


def _key(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, default=str)


@lru_cache(maxsize=256)
def _validator(schema: str) -> Any:
    from jsonschema import Draft202012Validator

    plain = json.loads(schema)
    Draft202012Validator.check_schema(plain)
    return Draft202012Validator(plain, format_checker=_formats())


@lru_cache(maxsize=1)
def _formats() -> FormatChecker:
    """Those formats that jsonschema has checks for by itself, and those that it leaves to other packages."""
    from jsonschema import FormatChecker

    checker = FormatChecker()
    own: dict[str, Callable[[str], object]] = {
        "date-time": _date_time,
        "date": date.fromisoformat,
        "time": time.fromisoformat,
        "uri": _uri,
    }
    for name, read in own.items():
        checker.checks(name, raises=ValueError)(_of_text(read))
    return checker


def _of_text(read: Callable[[str], object]) -> Callable[[object], bool]:
    """A check that lets pass what is no text: that is for ``type`` to refuse."""

    def check(value: object) -> bool:
        if isinstance(value, str):
            read(value)
        return True

    return check


def _date_time(text: str) -> None:
    if len(text) < len("2000-01-01T00:00") or datetime.fromisoformat(text).tzinfo is None:
        raise ValueError(text)


def _uri(text: str) -> None:
    if not urlsplit(text).scheme:
        raise ValueError(text)


def _short(text: str) -> str:
    return text if len(text) <= 2 * _SHOWN else f"{text[:_SHOWN]} ... {text[-_SHOWN:]}"
