"""Rows as one parameter, so that a bulk statement has one text however many rows it gets.

On SQLite they travel as one JSON array; the statement is compiled once and its plan looks rows up by primary key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from bide.store.schema import UtcTime, to_text

#: Name of the bind parameter that carries the rows.
ROWS = "rows"


@lru_cache(maxsize=64)
def rowset(columns: tuple[tuple[str, type[sa.types.TypeEngine[Any]]], ...]) -> sa.Subquery:
    """A selectable with these typed columns over the parameter :data:`ROWS`."""
    each = sa.func.json_each(sa.bindparam(ROWS, type_=sa.String)).table_valued("value", name="each")
    selected = [
        sa.type_coerce(sa.func.json_extract(each.c.value, f"$[{index}]"), kind()).label(name)
        for index, (name, kind) in enumerate(columns)
    ]
    return sa.select(*selected).subquery("given")


def encode_rows(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """The value of the parameter for `rows`."""
    return json.dumps([[_plain(row[name]) for name in columns] for row in rows])


def _plain(value: Any) -> Any:
    return to_text(value) if isinstance(value, datetime) else value


class _Values(sa.TypeDecorator[Any]):
    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str:
        return json.dumps(list(value))


def listed(name: str) -> sa.Select[Any]:
    """For ``column.in_(listed("uids"))``: the values of the collection that is given as parameter `name`.

    Strings or integers, any number of them: SQLite takes only so many parameters in a statement.
    """
    values = sa.func.json_each(sa.bindparam(name, type_=_Values())).table_valued("value", name=f"each_{name}")
    return sa.select(values.c.value)


Text, Integer, Moment = sa.String, sa.Integer, UtcTime
