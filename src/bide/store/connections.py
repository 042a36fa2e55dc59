"""Connections to outside services, by id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from bide.model.connection_fields import ConnectionFields
from bide.model.sealed import is_sealed, refuse_sealed
from bide.store.database import Tx
from bide.store.schema import connection
from bide.store.upserting import upsert

_c = connection.c


class ConnectionRow(NamedTuple):
    """One connection."""

    conn_id: str
    fields: ConnectionFields


_insert = upsert(connection)
_put = _insert.on_conflict_do_update(
    index_elements=["conn_id"],
    set_={name: _insert.excluded[name] for name in ("conn_type", "description", "value", "updated_at")},
)
_columns = sa.select(_c.conn_id, _c.conn_type, _c.description, _c.value)
_find = _columns.where(_c.conn_id == sa.bindparam("wanted"))


def find(tx: Tx, conn_id: str) -> ConnectionRow | None:
    """The connection, or None. Raises :class:`~bide.model.errors.KeyMissing` if it can't be opened."""
    row = tx.conn.execute(_find, {"wanted": conn_id}).one_or_none()
    return None if row is None else _row(*row)


def list_all(tx: Tx) -> list[ConnectionRow]:
    """All of them, by id."""
    return [_row(*row) for row in tx.conn.execute(_columns.order_by(_c.conn_id))]


def list_readable(tx: Tx) -> list[ConnectionRow]:
    """Those that the keys of this process open."""
    return [_row(*row) for row in tx.conn.execute(_columns) if not is_sealed(row.value)]


def known_ids(tx: Tx) -> set[str]:
    """The ids that are taken; opens nothing."""
    return set(tx.conn.execute(sa.select(_c.conn_id)).scalars())


def put(tx: Tx, rows: Sequence[ConnectionRow]) -> None:
    """Store connections; what had the same id before is replaced."""
    if not rows:
        return
    tx.conn.execute(
        _put,
        [
            {
                "conn_id": row.conn_id,
                "conn_type": row.fields.conn_type or "",
                "description": row.fields.description or "",
                "value": msgspec.json.encode(msgspec.structs.replace(row.fields, conn_type=None, description=None)),
                "updated_at": tx.now,
            }
            for row in rows
        ],
    )


def delete(tx: Tx, conn_id: str) -> bool:
    """Forget a connection; False if there was none."""
    return tx.conn.execute(sa.delete(connection).where(_c.conn_id == conn_id)).rowcount == 1


def _row(conn_id: str, conn_type: str, description: str, value: bytes) -> ConnectionRow:
    refuse_sealed(value)
    fields = msgspec.json.decode(value, type=ConnectionFields)
    return ConnectionRow(
        conn_id, msgspec.structs.replace(fields, conn_type=conn_type or None, description=description or None)
    )
