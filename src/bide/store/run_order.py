"""Runs of a DAG as they follow each other."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from bide.model.run_types import RunType
from bide.model.states import RunState
from bide.store.database import Tx
from bide.store.runs import RunRow, read, select_runs
from bide.store.schema import UtcTime, dag_run, task_instance

_seen_previous = (
    select_runs.where(
        dag_run.c.dag_id == sa.bindparam("dag"), dag_run.c.logical_date < sa.bindparam("date", type_=UtcTime)
    )
    .order_by(dag_run.c.logical_date.desc())
    .limit(1)
)
_seen_previous_scheduled = _seen_previous.where(dag_run.c.run_type != RunType.MANUAL.value)
_previous = _seen_previous.with_for_update(read=True)
_previous_scheduled = _seen_previous_scheduled.with_for_update(read=True)
_running_after = select_runs.where(
    sa.text("dag_run.state IN ('queued', 'running')"),
    dag_run.c.state == sa.literal_column("'running'"),
    dag_run.c.dag_id == sa.bindparam("dag"),
    # Not by the index of dates: of a run long ago that would be all that came after it.
    sa.func.coalesce(dag_run.c.logical_date, sa.null()) > sa.bindparam("date", type_=UtcTime),
)
_has_task_before = sa.select(
    sa.exists().where(
        task_instance.c.run_uid == dag_run.c.uid,
        task_instance.c.task_id == sa.bindparam("task"),
        dag_run.c.dag_id == sa.bindparam("dag"),
        dag_run.c.logical_date < sa.bindparam("date", type_=UtcTime),
    )
)


def previous(tx: Tx, dag_id: str, date: datetime, *, scheduled: bool) -> RunRow | None:
    """The run with the next earlier logical date, of those that nobody asked for by hand if `scheduled`.

    Nobody ends a task of it before the end of this transaction. Reads ``ix_dag_run_logical_date``.
    """
    row = tx.conn.execute(_previous_scheduled if scheduled else _previous, {"dag": dag_id, "date": date}).first()
    return None if row is None else read(row)


def previous_seen(tx: Tx, dag_id: str, date: datetime, *, scheduled: bool) -> RunRow | None:
    """The same, to be looked at only: nothing is locked."""
    statement = _seen_previous_scheduled if scheduled else _seen_previous
    row = tx.conn.execute(statement, {"dag": dag_id, "date": date}).first()
    return None if row is None else read(row)


def running_after(tx: Tx, dag_id: str, date: datetime) -> list[RunRow]:
    """Running runs of later logical dates. Reads ``ix_dag_run_unfinished``."""
    return [read(row) for row in tx.conn.execute(_running_after, {"dag": dag_id, "date": date})]


def has_task_before(tx: Tx, dag_id: str, task_id: str, date: datetime) -> bool:
    """Whether any run of an earlier logical date has the task."""
    given = {"dag": dag_id, "task": task_id, "date": date}
    return bool(tx.conn.execute(_has_task_before, given).scalar_one())


_earlier = (
    sa.select(*select_runs.selected_columns, dag_run.c.end_date)
    .where(
        dag_run.c.dag_id == sa.bindparam("dag"),
        dag_run.c.logical_date < sa.bindparam("date", type_=UtcTime),
        sa.or_(
            sa.bindparam("state", type_=sa.String).is_(None),
            dag_run.c.state == sa.bindparam("state", type_=sa.String),
        ),
    )
    .order_by(dag_run.c.logical_date.desc())
    .limit(1)
)


def earlier(tx: Tx, dag_id: str, date: datetime, state: str | None) -> tuple[RunRow, datetime | None] | None:
    """The run with the next earlier logical date, of those in `state` if that is given, and when it ended.

    Reads ``ix_dag_run_logical_date``.
    """
    row = tx.conn.execute(_earlier, {"dag": dag_id, "date": date, "state": state}).first()
    return None if row is None else (read(row[:-1]), row[-1])


_newest_states = (
    sa.select(dag_run.c.state)
    .where(dag_run.c.dag_id == sa.bindparam("dag"), dag_run.c.backfill_id.is_(None))
    .order_by(dag_run.c.run_after.desc(), dag_run.c.uid.desc())
    .limit(sa.bindparam("limit", type_=sa.Integer))
)


def newest_states(tx: Tx, dag_id: str, limit: int) -> list[RunState]:
    """The states of the newest runs of a DAG, the newest first; those of backfills don't count.

    Reads ``ix_dag_run_recent``.
    """
    rows = tx.conn.execute(_newest_states, {"dag": dag_id, "limit": limit})
    return [RunState(row[0]) for row in rows]
