"""Variables: texts by key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from bide.model.sealed import is_sealed, refuse_sealed
from bide.store.database import Tx
from bide.store.schema import variable
from bide.store.upserting import upsert

_v = variable.c


class VariableRow(NamedTuple):
    """One variable."""

    key: str
    value: str
    description: str = ""
    is_secret: bool = False


_insert = upsert(variable)
_put = _insert.on_conflict_do_update(
    index_elements=["key"],
    set_={name: _insert.excluded[name] for name in ("value", "description", "is_secret", "updated_at")},
)
_columns = sa.select(_v.key, _v.value, _v.description, _v.is_secret)
_find = _columns.where(_v.key == sa.bindparam("wanted"))


def find(tx: Tx, key: str) -> VariableRow | None:
    """The variable, or None. Raises :class:`~bide.model.errors.KeyMissing` if it can't be opened."""
    row = tx.conn.execute(_find, {"wanted": key}).one_or_none()
    return None if row is None else _row(*row)


def list_all(tx: Tx) -> list[VariableRow]:
    """All of them, by key."""
    return [_row(*row) for row in tx.conn.execute(_columns.order_by(_v.key))]


def list_readable(tx: Tx) -> list[VariableRow]:
    """Those that the keys of this process open."""
    return [_row(*row) for row in tx.conn.execute(_columns) if not is_sealed(row.value)]


def known_keys(tx: Tx) -> set[str]:
    """The keys that are taken; opens nothing."""
    return set(tx.conn.execute(sa.select(_v.key)).scalars())


def put(tx: Tx, rows: Sequence[VariableRow]) -> None:
    """Store variables; what had the same key before is replaced."""
    if rows:
        tx.conn.execute(
            _put, [{**row._asdict(), "value": row.value.encode(), "updated_at": tx.now} for row in rows]
        )


def delete(tx: Tx, key: str) -> bool:
    """Forget a variable; False if there was none."""
    return tx.conn.execute(sa.delete(variable).where(_v.key == key)).rowcount == 1


def _row(key: str, value: bytes, description: str, is_secret: bool) -> VariableRow:
    refuse_sealed(value)
    return VariableRow(key, value.decode(), description, is_secret)
