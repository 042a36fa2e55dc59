"""INSERT ... ON CONFLICT for both databases: they share the syntax, and SQLAlchemy's statement for SQLite does."""

from __future__ import annotations

from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.dialects.sqlite.dml import OnConflictClause

__all__ = ["upsert"]

# PostgreSQL could also name the constraint, so its compiler asks for one.
OnConflictClause.constraint_target = None  # pyright: ignore[reportAttributeAccessIssue]
