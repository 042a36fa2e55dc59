"""``var`` and ``conn`` of templates: ``{{ var.value.x }}``, ``{{ var.json.x.y }}``, ``{{ conn.db.host }}``."""

from __future__ import annotations

from typing import Any, Final

from bide.authoring.connection import Connection
from bide.authoring.variable import Variable
from bide.model.errors import ConnectionNotFound

_RAISE: Final = object()


class _Variables:
    """Variables as attributes, as items, and by ``get()`` with a default."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> Any:
        return Variable.get(name, deserialize_json=self._as_json)

    def get(self, name: str, default_var: Any = _RAISE, *, default: Any = _RAISE) -> Any:
        """The variable, or the default."""
        if default_var is _RAISE:
            default_var = default
        options = {} if default_var is _RAISE else {"default": default_var}
        return Variable.get(name, deserialize_json=self._as_json, **options)

    def __repr__(self) -> str:
        return "<variables>"


class VariableAccess:
    """``var``: texts under ``value``, what their JSON says under ``json``."""

    def __init__(self) -> None:
        self.value = _Variables(as_json=False)
        self.json = _Variables(as_json=True)

    def __repr__(self) -> str:
        return "<variables>"


class ConnectionAccess:
    """``conn``: connections as attributes, as items, and by ``get()`` with a default."""

    def __getattr__(self, name: str) -> Connection:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> Connection:
        return Connection.get(name)

    def get(self, conn_id: str, default_conn: Any = None) -> Any:
        """The connection, or the default if there is none."""
        try:
            return Connection.get(conn_id)
        except ConnectionNotFound:
            return default_conn

    def __repr__(self) -> str:
        return "<connections>"
