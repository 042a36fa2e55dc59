"""What the tables share: metadata, types of columns, partial indexes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex
from sqlalchemy.sql.compiler import DDLCompiler
from sqlalchemy.types import TypeEngine

from bide.model.states import RunState, TaskState


class UtcTime(sa.TypeDecorator[datetime]):
    """A moment in UTC: ``timestamptz`` on PostgreSQL, sortable ISO 8601 text on SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.String(32))
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return to_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return value
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        return datetime.fromisoformat(value)


def to_text(moment: datetime) -> str:
    """`moment` as SQLite stores it: fixed width, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(sep=" ", timespec="microseconds")


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

UID = sa.String(36)
#: Of tables that only grow. SQLite numbers rows by itself only in a plain INTEGER.
ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ID = sa.String(250)
TASK_STATES = ", ".join(f"'{state}'" for state in TaskState)
RUN_STATES = ", ".join(f"'{state}'" for state in RunState)


def rows_where(condition: str) -> dict[str, Any]:
    """Options of a partial index, on every database.

    Naming another dialect here would import its driver's package at every start; see :func:`_partial_index`.
    """
    return {"sqlite_where": sa.text(condition)}


@compiles(CreateIndex, "postgresql")
def _partial_index(create: CreateIndex, compiler: DDLCompiler, **kw: Any) -> str:
    """The condition that was given for SQLite holds here too, for declared tables and in migrations."""
    options = create.element.dialect_options
    options["postgresql"]["where"] = options["sqlite"]["where"]
    return str(compiler.visit_create_index(create, **kw))  # pyright: ignore[reportUnknownMemberType]
