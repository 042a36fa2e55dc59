"""Rows as one parameter, so that a bulk statement has one text however many rows it gets.

They travel as one JSON array, which both databases take apart; the statement is compiled once and its plan looks
rows up by primary key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from bide.store.schema import UtcTime, to_text

#: Name of the bind parameter that carries the rows.
ROWS = "rows"


class _Each(GenericFunction[Any]):
    """The elements of a JSON array, as rows of one column ``value``."""

    name = "bide_each"
    inherit_cache = True


class _EachText(GenericFunction[Any]):
    """The same, as text."""

    name = "bide_each_text"
    inherit_cache = True


class _Item(GenericFunction[Any]):
    """``bide_item(array, index, what it is on PostgreSQL)``: an element of a JSON array."""

    name = "bide_item"
    inherit_cache = True


@compiles(_Each, "sqlite")
@compiles(_EachText, "sqlite")
def _sqlite_each(element: GenericFunction[Any], compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **kw)})"


@compiles(_Each, "postgresql")
def _postgresql_each(element: GenericFunction[Any], compiler: SQLCompiler, **kw: Any) -> str:
    return f"jsonb_array_elements(CAST({compiler.process(element.clauses, **kw)} AS jsonb))"


@compiles(_EachText, "postgresql")
def _postgresql_each_text(element: GenericFunction[Any], compiler: SQLCompiler, **kw: Any) -> str:
    return f"jsonb_array_elements_text(CAST({compiler.process(element.clauses, **kw)} AS jsonb))"


@compiles(_Item, "sqlite")
def _sqlite_item(element: GenericFunction[Any], compiler: SQLCompiler, **kw: Any) -> str:
    value, index = (compiler.process(one, **kw) for one in element.clauses)
    return f"json_extract({value}, '$[{index}]')"


@compiles(_Item, "postgresql")
def _postgresql_item(element: GenericFunction[Any], compiler: SQLCompiler, **kw: Any) -> str:
    value, index = (compiler.process(one, **kw) for one in element.clauses)
    kind = compiler.dialect.type_compiler_instance.process(element.type)
    return f"CAST({value} ->> {index} AS {kind})"


@lru_cache(maxsize=64)
def rowset(columns: tuple[tuple[str, type[sa.types.TypeEngine[Any]]], ...]) -> sa.Subquery:
    """A selectable with these typed columns over the parameter :data:`ROWS`."""
    each = _Each(sa.bindparam(ROWS, type_=sa.String)).table_valued("value", name="each")
    selected = [
        _Item(each.c.value, sa.literal_column(str(index)), type_=kind()).label(name)
        for index, (name, kind) in enumerate(columns)
    ]
    return sa.select(*selected).subquery("given")


def encode_rows(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """The value of the parameter for `rows`."""
    return json.dumps([[_plain(row[name]) for name in columns] for row in rows])


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "\N{SYMBOL FOR NULL}")  # PostgreSQL has no such character
    return to_text(value) if isinstance(value, datetime) else value


class _Values(sa.TypeDecorator[Any]):
    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str:
        return json.dumps(list(value))


def listed(name: str, kind: type[sa.types.TypeEngine[Any]] = sa.String) -> sa.Select[Any]:
    """For ``column.in_(listed("uids"))``: the values of the collection that is given as parameter `name`.

    Any number of them: databases take only so many parameters in a statement. `kind` is the column's type.
    """
    values = _EachText(sa.bindparam(name, type_=_Values())).table_valued("value", name=f"each_{name}")
    value = values.c.value if kind is sa.String else sa.cast(values.c.value, kind)
    return sa.select(value)


Text, Integer, Moment = sa.String, sa.Integer, UtcTime
