"""Runs that wait for room among the ``max_active_runs`` of their DAG, and what runs beside them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from bide.model.run_types import RunType
from bide.model.states import RunState
from bide.store.database import Tx
from bide.store.rowset import listed
from bide.store.runs import RunRow, read, select_runs
from bide.store.schema import UtcTime, backfill, dag, dag_run, timetable_question


def _is(state: RunState) -> sa.ColumnElement[bool]:
    """True for runs in this unfinished state, in the words of the partial index ``ix_dag_run_unfinished``."""
    return sa.and_(
        sa.text("dag_run.state IN ('queued', 'running')"), dag_run.c.state == sa.literal_column(f"'{state}'")
    )


_running = (
    sa.select(dag_run.c.dag_id, sa.func.count().label("number"))
    .where(_is(RunState.RUNNING))
    .group_by(dag_run.c.dag_id)
    .subquery("running")
)
#: A run by hand whose timetable has not said yet what it is about.
_lacks_interval = (
    sa.exists()
    .where(sa.text("timetable_question.run_uid IS NOT NULL"), timetable_question.c.run_uid == dag_run.c.uid)
    .correlate(dag_run)
)
#: What runs of each backfill.
_running_of_backfill = (
    sa.select(dag_run.c.backfill_id, sa.func.count().label("number"))
    .where(_is(RunState.RUNNING), dag_run.c.backfill_id.is_not(None))
    .group_by(dag_run.c.backfill_id)
    .subquery("running_of_backfill")
)
#: See :func:`bide.model.backfills.most_at_once`.
_room_of_backfill = sa.case((dag.c.max_active_runs > 1, dag.c.max_active_runs - 1), else_=1)
_may_start = sa.or_(
    backfill.c.id.is_(None),
    sa.and_(
        ~backfill.c.is_paused,
        sa.func.coalesce(_running_of_backfill.c.number, 0) < _room_of_backfill,
        sa.func.coalesce(_running_of_backfill.c.number, 0)
        < sa.func.coalesce(backfill.c.max_active_runs, dag.c.max_active_runs),
    ),
)
#: One that is asked for by hand may be for later.
_NOW = sa.bindparam("now", type_=UtcTime)
_queued = select_runs.where(_is(RunState.QUEUED), ~_lacks_interval, dag_run.c.run_after <= _NOW).order_by(
    dag_run.c.run_after, dag_run.c.uid
)
_LIMIT = sa.bindparam("limit", type_=sa.Integer)
_place = sa.func.row_number().over(
    partition_by=(dag_run.c.dag_id, dag_run.c.run_type, dag_run.c.backfill_id),
    order_by=(dag_run.c.run_after, dag_run.c.uid),
)
_ranked = (
    sa.select(*(dag_run.c[name] for name in RunRow._fields), _place.label("place"))
    .select_from(
        dag_run.join(dag, dag.c.dag_id == dag_run.c.dag_id)
        .outerjoin(_running, _running.c.dag_id == dag_run.c.dag_id)
        .outerjoin(backfill, sa.and_(backfill.c.id == dag_run.c.backfill_id, backfill.c.completed_at.is_(None)))
        .outerjoin(_running_of_backfill, _running_of_backfill.c.backfill_id == dag_run.c.backfill_id)
    )
    .where(
        _is(RunState.QUEUED),
        ~_lacks_interval,
        dag_run.c.run_after <= _NOW,
        _may_start,
        sa.func.coalesce(_running.c.number, 0) < dag.c.max_active_runs,
    )
    .subquery("ranked")
)
_queued_with_room = (
    sa.select(*(_ranked.c[name] for name in RunRow._fields))
    .order_by(_ranked.c.place, _ranked.c.run_after, _ranked.c.uid)
    .limit(_LIMIT)
)
_queued_by_uid = _queued.where(dag_run.c.uid == sa.bindparam("only"))


def queued(tx: Tx, limit: int, only: str | None = None) -> list[RunRow]:
    """Runs that have not started, of DAGs that have room under ``max_active_runs``.

    First come the oldest of each DAG and each type of run, then the second of each, and so on. The DAGs at their
    limit are left out before the limit counts, so that they starve nobody, and so are backfills that are at theirs
    or paused. A run that is asked for by its uid as `only` is found whatever else runs.

    Reads ``ix_dag_run_unfinished``.
    """
    if only is not None:
        return [read(row) for row in tx.conn.execute(_queued_by_uid, {"only": only, "now": tx.now})]
    return [read(row) for row in tx.conn.execute(_queued_with_room, {"limit": limit, "now": tx.now})]


_next_due = sa.select(sa.func.min(dag_run.c.run_after, type_=UtcTime)).where(
    _is(RunState.QUEUED), dag_run.c.run_after > _NOW
)


def next_due(tx: Tx) -> datetime | None:
    """When the next run may start that is for later. Reads ``ix_dag_run_unfinished``."""
    return tx.conn.execute(_next_due, {"now": tx.now}).scalar_one_or_none()


#: See :attr:`RunRow.kind`. Written out, since PostgreSQL takes no two parameters for the same.
_kind = sa.case(
    (dag_run.c.backfill_id.is_not(None), sa.literal_column(f"'{RunType.BACKFILL_JOB}'", sa.String)),
    else_=dag_run.c.run_type,
)
_running_by_kind = (
    sa.select(dag_run.c.dag_id, _kind.label("kind"), sa.func.count().label("number"))
    .where(_is(RunState.RUNNING))
    .group_by(dag_run.c.dag_id, _kind)
    .subquery("running")
)
_room = (
    sa.select(
        dag.c.dag_id,
        _running_by_kind.c.kind,
        _running_by_kind.c.number,
        dag.c.max_active_runs,
        sa.func.coalesce(backfill.c.turn, 0.0),
        backfill.c.max_active_runs,
    )
    .select_from(
        dag.outerjoin(_running_by_kind, _running_by_kind.c.dag_id == dag.c.dag_id).outerjoin(
            backfill, sa.and_(backfill.c.dag_id == dag.c.dag_id, sa.text("backfill.completed_at IS NULL"))
        )
    )
    .where(dag.c.dag_id.in_(listed("dags")))
)


class RunningRuns(NamedTuple):
    """What runs of one DAG, and may."""

    #: By kind of run.
    by_kind: dict[str, int]
    limit: int
    #: What its backfill is owed, and how many runs of it were asked for at once.
    turn: float = 0.0
    of_backfill: int | None = None


def count_running(tx: Tx, dag_ids: Collection[str]) -> dict[str, RunningRuns]:
    """What runs of each DAG. Reads ``ix_dag_run_unfinished``."""
    found: dict[str, RunningRuns] = {}
    for dag_id, kind, number, limit, turn, of_backfill in tx.conn.execute(_room, {"dags": set(dag_ids)}):
        running = found.setdefault(dag_id, RunningRuns({}, limit, turn, of_backfill))
        if kind is not None:
            running.by_kind[kind] = number
    return found


_unstarted = (
    select_runs.where(
        dag_run.c.dag_id == sa.bindparam("dag"),
        dag_run.c.run_type == sa.bindparam("type"),
        _is(RunState.QUEUED),
        dag_run.c.start_date.is_(None),
    )
    .order_by(dag_run.c.uid.desc())
    .limit(1)
    .with_for_update()
)


def find_unstarted(tx: Tx, dag_id: str, run_type: str) -> RunRow | None:
    """The newest run of that type that has not begun yet; nobody starts it before the end of this transaction.

    Reads ``ix_dag_run_unfinished``.
    """
    row = tx.conn.execute(_unstarted, {"dag": dag_id, "type": run_type}).first()
    return None if row is None else read(row)
