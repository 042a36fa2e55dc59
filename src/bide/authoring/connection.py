"""Connections to outside services, as DAG authors and hooks use them."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Self

from bide.authoring.lookups import connection_from, find_connection, mask_connection
from bide.model.connection_fields import (
    ConnectionFields,
    as_extra,
    as_port,
    extra_object,
    from_json,
    normal_type,
    to_json,
    to_mapping,
)
from bide.model.connection_uri import from_uri, to_uri
from bide.model.errors import InvalidArgument
from bide.observe.masking import MASK, mask_secret


class Connection:
    """Where a service is and how to log in: host, port, login, password, schema, and whatever else is in ``extra``.

    ``Connection.get("warehouse")`` looks one up. Its secrets are masked in logs from then on.
    """

    #: The field of a URI's query that has the whole of ``extra``, where it is more than names and texts.
    EXTRA_KEY = "__extra__"

    def __init__(
        self,
        conn_id: str | None = None,
        conn_type: str | None = None,
        description: str | None = None,
        host: str | None = None,
        login: str | None = None,
        password: str | None = None,
        schema: str | None = None,
        port: int | str | None = None,
        extra: str | dict[str, Any] | None = None,
        uri: str | None = None,
        *,
        team_name: str | None = None,
    ) -> None:
        what = f"connection {conn_id!r}"
        if uri is not None and any(
            one is not None for one in (conn_type, host, login, password, schema, port, extra)
        ):
            raise InvalidArgument(f"{what}: give either its URI or its fields, not both")
        given = ConnectionFields(
            normal_type(conn_type),
            description,
            host,
            login,
            password,
            schema,
            as_port(port, what=what),
            as_extra(extra),
        )
        self.conn_id = conn_id
        self.team_name = team_name
        self._take(given if uri is None else from_uri(uri, what=f"the URI of {what}"))
        self.description = description

    def _take(self, fields: ConnectionFields) -> None:
        self.conn_type = fields.conn_type
        self.description = fields.description
        self.host = fields.host
        self.login = fields.login
        self.password = fields.password
        self.schema = fields.schema
        self.port = fields.port
        self.extra = fields.extra
        mask_connection(fields)

    @classmethod
    def of(cls, conn_id: str | None, fields: ConnectionFields) -> Self:
        """A connection with these fields."""
        made = cls(conn_id)
        made._take(fields)
        return made

    @classmethod
    def get(cls, conn_id: str) -> Self:
        """Look a connection up. Raises :class:`~bide.model.errors.ConnectionNotFound`."""
        return cls.of(conn_id, find_connection(conn_id))

    @classmethod
    def get_connection_from_secrets(cls, conn_id: str) -> Self:
        """Another name of :meth:`get`."""
        return cls.get(conn_id)

    @classmethod
    async def async_get(cls, conn_id: str) -> Self:
        """As :meth:`get`, awaited: in a trigger it holds up nobody."""
        return await asyncio.to_thread(cls.get, conn_id)

    @classmethod
    def from_uri(cls, uri: str, conn_id: str | None = None) -> Self:
        """A connection from its URI."""
        return cls.of(conn_id, from_uri(uri, what=f"the URI of connection {conn_id!r}"))

    @classmethod
    def from_json(cls, value: str, conn_id: str | None = None) -> Self:
        """A connection from a JSON object of its fields."""
        return cls.of(conn_id, from_json(value, what=f"the JSON of connection {conn_id!r}"))

    @classmethod
    def from_text(cls, text: str, conn_id: str | None = None) -> Self:
        """A connection from a URI or a JSON object, as environment variables and secrets backends have them."""
        return cls.of(conn_id, connection_from(text, what=f"the text of connection {conn_id!r}"))

    @property
    def fields(self) -> ConnectionFields:
        """All fields as they are now."""
        return ConnectionFields(
            self.conn_type,
            self.description,
            self.host,
            self.login,
            self.password,
            self.schema,
            self.port,
            as_extra(self.extra),
        )

    def get_uri(self) -> str:
        """The connection as a URI, with its password."""
        return to_uri(self.fields)

    def as_json(self) -> str:
        """The connection as a JSON object of what is given, with its password."""
        return to_json(self.fields)

    def to_dict(self, *, prune_empty: bool = False, validate: bool = True) -> dict[str, Any]:
        """All fields by name; `prune_empty` leaves out those that are not given. `validate` is accepted."""
        values = {"conn_id": self.conn_id, **to_mapping(self.fields)}
        return {name: value for name, value in values.items() if value or not prune_empty}

    def get_password(self) -> str | None:
        """The password."""
        return self.password

    def set_password(self, value: str | None) -> None:
        """Set the password."""
        self.password = value
        mask_connection(self.fields)

    def get_extra(self) -> str | None:
        """The text of ``extra``."""
        return self.extra

    def set_extra(self, value: str | dict[str, Any] | None) -> None:
        """Set ``extra``."""
        self.extra = as_extra(value)
        mask_connection(self.fields)

    @property
    def extra_dejson(self) -> dict[str, Any]:
        """What ``extra`` says; empty if it is no JSON object."""
        return self.get_extra_dejson()

    def get_extra_dejson(self, nested: bool = False) -> dict[str, Any]:
        """As :attr:`extra_dejson`; `nested`: texts in it that are JSON themselves are read as well."""
        found = extra_object(self.extra) or {}
        if nested:
            found = {name: _read_nested(value) for name, value in found.items()}
        mask_secret(found)
        return found

    def get_hook(self, *, hook_params: dict[str, Any] | None = None) -> Any:
        """The hook of an installed package for connections of this type.

        Raises :class:`~bide.model.errors.NotFound` if there is none.
        """
        from bide.authoring.hook_types import make_hook

        return make_hook(self, hook_params or {})

    def test_connection(self) -> tuple[bool, str]:
        """Whether the service can be reached with this connection, and what the hook says about it."""
        from bide.authoring.hook_types import ask_hook

        return ask_hook(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Connection):
            return NotImplemented
        return (self.conn_id, self.fields) == (other.conn_id, other.fields)

    def __hash__(self) -> int:
        return hash((self.conn_id, self.fields))

    def __repr__(self) -> str:
        secret = "" if self.password is None else f", password={MASK!r}"
        return f"Connection({self.conn_id!r}, conn_type={self.conn_type!r}, host={self.host!r}{secret})"

    def __str__(self) -> str:
        return self.conn_id or ""


def _read_nested(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
