"""Runs that are over their time."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from bide.store.database import Tx
from bide.store.runs import RunRow, read, select_runs
from bide.store.schema import UtcTime, dag_run

_in_scope = sa.or_(sa.bindparam("only", type_=sa.String(36)).is_(None), dag_run.c.uid == sa.bindparam("only"))
_overdue = (
    select_runs.where(dag_run.c.deadline <= sa.bindparam("now", type_=UtcTime), _in_scope)
    .order_by(dag_run.c.deadline)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_next_deadline = sa.select(sa.func.min(dag_run.c.deadline)).where(dag_run.c.deadline.is_not(None), _in_scope)


def overdue(tx: Tx, limit: int, only: str | None = None) -> list[RunRow]:
    """Runs whose deadline has passed. Reads ``ix_dag_run_deadline``."""
    return [read(row) for row in tx.conn.execute(_overdue, {"now": tx.now, "limit": limit, "only": only})]


def next_deadline(tx: Tx, only: str | None = None) -> datetime | None:
    """The nearest deadline of a run."""
    return tx.conn.execute(_next_deadline, {"only": only}).scalar_one()
