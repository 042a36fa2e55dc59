"""Sealed values as they lie in the database: counted by key, and sealed anew with another one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from bide.model.sealed import HEADER, SEALED
from bide.store.database import Tx
from bide.store.schema import metadata
from bide.store.sealing import Sealed


class SealedColumn:
    """One column of sealed values, read and written without opening or sealing them."""

    def __init__(self, table: sa.Table, column: sa.Column[Any]) -> None:
        self.name = f"{table.name}.{column.name}"
        keys = [sa.column(key.name, key.type) for key in table.primary_key]
        self.stored: sa.ColumnClause[bytes] = sa.column(column.name, sa.LargeBinary)
        self.table = sa.table(table.name, *keys, self.stored)
        self.keys = [self.table.c[key.name] for key in keys]

    @cached_property
    def update(self) -> sa.Update:
        """Replace one value, unless it has changed since it was read."""
        matches = [key == sa.bindparam(f"key_{number}", type_=key.type) for number, key in enumerate(self.keys)]
        stored = self.table.c[self.stored.name]
        return (
            sa.update(self.table)
            .where(*matches, stored == sa.bindparam("old", type_=sa.LargeBinary))
            .values({stored: sa.bindparam("new", type_=sa.LargeBinary)})
        )


COLUMNS: Final = tuple(
    SealedColumn(table, column)
    for table in metadata.sorted_tables
    for column in table.c
    if isinstance(column.type, Sealed)
)


def _head(column: sa.ColumnElement[bytes], length: int) -> sa.ColumnElement[bytes]:
    return sa.func.substr(column, 1, length, type_=sa.LargeBinary)


def count_heads(tx: Tx, column: SealedColumn) -> dict[bytes, int]:
    """How many values there are by what they begin with: header of a sealed one, else one byte. Reads all rows."""
    stored = column.stored
    head = sa.case((_head(stored, 1) == bytes([SEALED]), _head(stored, HEADER)), else_=_head(stored, 1))
    heads = sa.select(head.label("head")).select_from(column.table).where(stored.is_not(None)).subquery()
    rows = tx.conn.execute(sa.select(heads.c.head, sa.func.count()).group_by(heads.c.head))
    return {bytes(found): count for found, count in rows}


class StoredValue(NamedTuple):
    """One value as it lies in the database, and the primary key of its row."""

    key: tuple[Any, ...]
    stored: bytes


def read_with_heads(
    tx: Tx, column: SealedColumn, heads: Sequence[bytes], after: StoredValue | None, limit: int
) -> list[StoredValue]:
    """Values that begin with one of `heads`, by primary key, from the one behind `after` on."""
    stored, keys = column.stored, column.keys
    begins = sa.or_(*(_head(stored, len(head)) == head for head in heads))
    query = sa.select(*keys, stored).where(begins).order_by(*keys).limit(limit)
    if after is not None:
        query = query.where(sa.tuple_(*keys) > sa.tuple_(*after.key, types=[key.type for key in keys]))
    return [StoredValue(tuple(row[:-1]), bytes(row[-1])) for row in tx.conn.execute(query)]


def replace(tx: Tx, column: SealedColumn, values: Sequence[tuple[StoredValue, bytes]]) -> int:
    """Store new forms of values; how many. One that has changed since it was read, or is gone, is left alone."""
    if not values:
        return 0
    rows = [
        {**{f"key_{number}": part for number, part in enumerate(old.key)}, "old": old.stored, "new": new}
        for old, new in values
    ]
    return tx.conn.execute(column.update, rows).rowcount
