"""Which connections the code of a task or trigger has looked up, for people who read that it failed."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final
from urllib.parse import urlsplit

from bide.model.connection_fields import ConnectionFields

#: Where each one leads, by its id; None where nobody asks.
_used: Final[ContextVar[dict[str, str] | None]] = ContextVar("used_connections", default=None)


def note_connections() -> None:
    """From now on, in this context and those that are made in it, :func:`used_connections` knows what is used."""
    _used.set({})


def use_connection(conn_id: str, fields: ConnectionFields) -> None:
    """A connection was looked up."""
    used = _used.get()
    if used is not None:
        used[conn_id] = place_of(fields)


def used_connections() -> dict[str, str]:
    """Where the connections lead that were looked up, by id, in their order."""
    return dict(_used.get() or {})


def place_of(fields: ConnectionFields) -> str:
    """Host and port, without what else an address may have: a path or a query can be a secret."""
    host = fields.host or ""
    try:
        parts = urlsplit(host if "://" in host else f"//{host}")
        name, port = parts.hostname or "", parts.port or fields.port
    except ValueError:
        return fields.conn_type or ""
    if not name:
        return fields.conn_type or ""
    scheme = f"{parts.scheme}://" if parts.scheme else ""
    return f"{scheme}{name}" + (f":{port}" if port else "")
