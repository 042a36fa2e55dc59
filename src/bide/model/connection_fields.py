"""What a connection to an outside service is made of, and its JSON form."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from bide.model.errors import InvalidArgument

#: Characters of an id of a connection, and of a variable's key.
LONGEST_NAME: Final = 250
_ID: Final = re.compile(r"[\w.~()#!:/\\-]{1,250}", re.ASCII)
_HIGHEST_PORT: Final = 65535
_NAMES: Final = ("conn_type", "description", "host", "login", "password", "schema", "port", "extra")


class ConnectionFields(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that is known of a connection but its id. None: not given; an empty text is one that was given."""

    conn_type: str | None = None
    description: str | None = None
    host: str | None = None
    login: str | None = None
    password: str | None = None
    schema: str | None = None
    port: int | None = None
    #: A JSON object as a rule; any text is kept as it is.
    extra: str | None = None

    def __repr__(self) -> str:
        """Without what may be secret."""
        return f"ConnectionFields(conn_type={self.conn_type!r}, host={self.host!r}, port={self.port!r})"


def check_conn_id(value: object) -> str:
    """Return `value` if it may name a connection, else raise :class:`InvalidArgument`."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise InvalidArgument(
            f"{value!r} can't be the id of a connection: use 1 to {LONGEST_NAME} letters, digits or any of "
            r"_ - . ~ ( ) # ! : / \ "
        )
    return value


def normal_type(conn_type: str | None) -> str | None:
    """The name by which hooks know a type: ``postgres`` for ``postgresql``, ``google_x`` for ``google-x``."""
    if conn_type == "postgresql":
        return "postgres"
    return None if conn_type is None else conn_type.replace("-", "_")


def from_mapping(values: Mapping[str, Any], *, what: str) -> ConnectionFields:
    """A connection from what JSON and YAML have. `what` names it in messages.

    ``extra`` may be an object; other spellings that are in use (``user``, ``username``, ``extra_dejson``) are
    understood. Raises :class:`InvalidArgument` naming the field that can't be one.
    """
    given = {str(name): value for name, value in values.items() if name not in ("conn_id", "connection_id")}
    for other, name in (("user", "login"), ("username", "login"), ("type", "conn_type"), ("extra_dejson", "extra")):
        if other in given and name not in given:
            given[name] = given.pop(other)
    for name in given:
        if name not in _NAMES:
            raise InvalidArgument(f"{what} has no field {name!r}; there are {', '.join(_NAMES)}")
    given = {name: value for name, value in given.items() if value is not None}
    extra = given.pop("extra", None)
    port = given.pop("port", None)
    for name, value in given.items():
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise InvalidArgument(f"{what}: {name} must be text, not {type(cast('object', value)).__name__}")
    texts = {name: str(value) for name, value in given.items()}
    if "conn_type" in texts:
        texts["conn_type"] = normal_type(texts["conn_type"]) or ""
    return ConnectionFields(**texts, port=as_port(port, what=what), extra=as_extra(extra))  # pyright: ignore[reportArgumentType]


def from_json(text: str, *, what: str) -> ConnectionFields:
    """A connection from a JSON object. Raises :class:`InvalidArgument`, without showing any of the text."""
    try:
        found = json.loads(text)
    except ValueError as error:
        place = ""
        if isinstance(error, json.JSONDecodeError):
            place = f" (line {error.lineno}, column {error.colno})"
        raise InvalidArgument(f"{what} is no JSON{place}") from None
    if not isinstance(found, dict):
        raise InvalidArgument(f"{what} must be a JSON object")
    return from_mapping(cast("dict[str, Any]", found), what=what)


def to_mapping(fields: ConnectionFields) -> dict[str, Any]:
    """What JSON and YAML have, with all fields; ``extra`` is an object where its text is one."""
    values = {name: getattr(fields, name) for name in _NAMES}
    found = extra_object(fields.extra)
    if found is not None and as_extra(found) == fields.extra:
        values["extra"] = found
    return values


def to_json(fields: ConnectionFields) -> str:
    """The JSON form, without fields that were not given."""
    return json.dumps({name: value for name, value in to_mapping(fields).items() if value is not None})


def as_port(value: object, *, what: str) -> int | None:
    """A port from a number or its text."""
    if value is None or value == "":
        return None
    try:
        port = int(value) if isinstance(value, int | str) and not isinstance(value, bool) else -1
    except ValueError:
        port = -1
    if not 0 <= port <= _HIGHEST_PORT:
        raise InvalidArgument(f"{what}: port must be a number from 0 to {_HIGHEST_PORT}, not {value!r}")
    return port


def as_extra(value: object) -> str | None:
    """The text of ``extra``: JSON for an object, else as it is."""
    if value is None or isinstance(value, str):
        return value
    try:
        return json.dumps(value)
    except (TypeError, ValueError):
        raise InvalidArgument("extra must be what JSON can hold") from None


def extra_object(extra: str | None) -> dict[str, Any] | None:
    """What ``extra`` says, if it is a JSON object."""
    if not extra:
        return None
    try:
        found = json.loads(extra)
    except ValueError:
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None
