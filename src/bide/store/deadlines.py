"""Deadlines of tasks and runs: rows until their moment, and afterwards if they were missed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from bide.model.deadlines import Progress
from bide.model.states import RunState, TaskState
from bide.store.database import Tx
from bide.store.rowset import listed
from bide.store.schema import UtcTime, callback_request, dag_run, deadline, task_instance
from bide.store.scoping import in_scope

_d = deadline.c


class DeadlineRow(NamedTuple):
    """One deadline."""

    uid: str
    dag_id: str
    run_uid: str
    task_id: str | None
    number: int | None
    name: str
    reference: str
    due_at: datetime
    missed_at: datetime | None = None
    request_uid: str | None = None


_columns = [_d[name] for name in DeadlineRow._fields]
_insert = sa.insert(deadline)


def insert(tx: Tx, rows: Sequence[DeadlineRow]) -> None:
    """Store deadlines of a run that was just made."""
    if rows:
        tx.conn.execute(_insert, [row._asdict() for row in rows])
        tx.ring("timers")


_pending = sa.text("deadline.missed_at IS NULL")
_due = (
    sa.select(*_columns)
    .where(_pending, _d.due_at <= sa.bindparam("now", type_=UtcTime), in_scope(_d.run_uid))
    .order_by(_d.due_at, _d.uid)
    .limit(sa.bindparam("limit", type_=sa.Integer))
    .with_for_update(skip_locked=True)
)
_next_due = sa.select(sa.func.min(_d.due_at)).where(_pending, in_scope(_d.run_uid))


def due(tx: Tx, limit: int, only: str | None = None) -> list[DeadlineRow]:
    """Deadlines whose moment has come, the oldest first; locked. Reads ``ix_deadline_due``."""
    return [DeadlineRow(*row) for row in tx.conn.execute(_due, {"now": tx.now, "limit": limit, "only": only})]


def next_due(tx: Tx, only: str | None = None) -> datetime | None:
    """The next moment of one. Reads ``ix_deadline_due``."""
    return tx.conn.execute(_next_due, {"only": only}).scalar_one()


_delete = sa.delete(deadline).where(_d.uid.in_(listed("uids")))
_miss = (
    sa.update(deadline)
    .where(_d.uid == sa.bindparam("one"))
    .values(missed_at=sa.bindparam("at", type_=UtcTime), request_uid=sa.bindparam("request"))
)


def meet(tx: Tx, uids: Collection[str]) -> None:
    """They were met: nobody needs them any more."""
    if uids:
        tx.conn.execute(_delete, {"uids": uids})


def miss(tx: Tx, requests: Sequence[tuple[str, str | None]]) -> None:
    """They were missed: (uid, the callback request that tells of it, if somebody wants to be told)."""
    if requests:
        tx.conn.execute(_miss, [{"one": uid, "at": tx.now, "request": request} for uid, request in requests])
        tx.ring("history")


_withdraw = sa.delete(deadline).where(_pending, _d.run_uid == sa.bindparam("run"), _d.number == sa.bindparam("one"))
_queued_at = sa.select(dag_run.c.queued_at).where(dag_run.c.uid == sa.bindparam("run"))


def withdraw(tx: Tx, run_uid: str, numbers: Collection[int]) -> None:
    """Alerts `numbers` of a run that are to come don't count any more. Reads ``ix_deadline_run_uid``."""
    if numbers:
        tx.conn.execute(_withdraw, [{"run": run_uid, "one": number} for number in numbers])


def queued_at(tx: Tx, run_uid: str) -> datetime:
    """When a run was made, or cleared after its end."""
    return tx.conn.execute(_queued_at, {"run": run_uid}).scalar_one()


_instances = sa.select(
    task_instance.c.run_uid, task_instance.c.task_id, task_instance.c.state, task_instance.c.end_date
).where(task_instance.c.run_uid.in_(listed("runs")), task_instance.c.task_id.in_(listed("tasks")))
_runs = sa.select(dag_run.c.uid, dag_run.c.state, dag_run.c.end_date).where(dag_run.c.uid.in_(listed("runs")))


def task_progress(tx: Tx, rows: Collection[DeadlineRow]) -> dict[tuple[str, str], list[Progress]]:
    """How far the instances of these rows' tasks are, by (run, task)."""
    tasks = {row.task_id for row in rows if row.task_id is not None}
    if not tasks:
        return {}
    found: dict[tuple[str, str], list[Progress]] = {}
    values = {"runs": {row.run_uid for row in rows if row.task_id is not None}, "tasks": tasks}
    for run_uid, task_id, state, end_date in tx.conn.execute(_instances, values):
        found.setdefault((run_uid, task_id), []).append(Progress(TaskState(state), end_date))
    return found


def run_progress(tx: Tx, rows: Collection[DeadlineRow]) -> dict[str, Progress]:
    """How far these rows' runs are."""
    wanted = {row.run_uid for row in rows if row.task_id is None}
    if not wanted:
        return {}
    found = tx.conn.execute(_runs, {"runs": wanted})
    return {uid: Progress(RunState(state), end_date) for uid, state, end_date in found}


_of_request = sa.select(*_columns).where(_d.request_uid == sa.bindparam("request")).order_by(_d.due_at, _d.uid)


def of_request(tx: Tx, request_uid: str) -> list[DeadlineRow]:
    """What a callback request tells of. Reads ``ix_deadline_request``."""
    return [DeadlineRow(*row) for row in tx.conn.execute(_of_request, {"request": request_uid})]


_first = (
    sa.select(task_instance.c.uid)
    .where(
        task_instance.c.run_uid == sa.bindparam("run"),
        sa.or_(sa.bindparam("task", type_=sa.String).is_(None), task_instance.c.task_id == sa.bindparam("task")),
    )
    .order_by(task_instance.c.uid)
    .limit(1)
)


def first_instance(tx: Tx, run_uid: str, task_id: str | None) -> str | None:
    """An instance of the run, or of one of its tasks, by which a callback goes."""
    return tx.conn.execute(_first, {"run": run_uid, "task": task_id}).scalar_one_or_none()


class BlockingRow(NamedTuple):
    """An instance that has not succeeded, in a run with a missed ``sla=``."""

    run_uid: str
    task_id: str
    map_index: int
    state: str
    try_number: int
    start_date: datetime | None


_blocking = (
    sa.select(*(task_instance.c[name] for name in BlockingRow._fields))
    .where(
        task_instance.c.run_uid.in_(listed("runs")),
        task_instance.c.state.not_in([TaskState.SUCCESS.value, TaskState.SKIPPED.value]),
    )
    .order_by(task_instance.c.run_uid, task_instance.c.uid)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)


def blocking(tx: Tx, run_uids: Collection[str], limit: int) -> list[BlockingRow]:
    """Instances of these runs that have not succeeded."""
    rows = tx.conn.execute(_blocking, {"runs": run_uids, "limit": limit})
    return [BlockingRow(*row) for row in rows]


_durations = (
    sa.select(dag_run.c.start_date, dag_run.c.end_date)
    .where(
        dag_run.c.dag_id == sa.bindparam("dag"),
        dag_run.c.state == RunState.SUCCESS.value,
        dag_run.c.start_date.is_not(None),
        dag_run.c.end_date.is_not(None),
    )
    .order_by(dag_run.c.run_after.desc())
    .limit(sa.bindparam("limit", type_=sa.Integer))
)


def durations(tx: Tx, dag_id: str, limit: int) -> list[float]:
    """Seconds that the last successful runs took, the newest first. Reads ``ix_dag_run_recent``."""
    rows = tx.conn.execute(_durations, {"dag": dag_id, "limit": limit})
    return [(end - start).total_seconds() for start, end in rows]


class DeadlineView(NamedTuple):
    """One deadline, for people."""

    uid: str
    dag_id: str
    run_id: str
    task_id: str | None
    name: str
    reference: str
    due_at: datetime
    missed_at: datetime | None
    #: Whether its callback has still to be called.
    is_calling: bool


_is_calling = sa.exists().where(callback_request.c.uid == _d.request_uid)
_view = sa.select(
    _d.uid,
    _d.dag_id,
    dag_run.c.run_id,
    _d.task_id,
    _d.name,
    _d.reference,
    _d.due_at,
    _d.missed_at,
    _is_calling.label("is_calling"),
).join_from(deadline, dag_run, _d.run_uid == dag_run.c.uid)


def views(
    tx: Tx,
    *,
    dag_id: str | None = None,
    run_id: str | None = None,
    missed: bool | None = None,
    limit: int = 100,
    offset: int = 0,
) -> tuple[list[DeadlineView], int]:
    """Deadlines, the latest first, and how many there are in all; `missed`: only those, or only the others."""
    query = _view
    if dag_id is not None:
        query = query.where(_d.dag_id == dag_id)
    if run_id is not None:
        query = query.where(dag_run.c.run_id == run_id)
    if missed is not None:
        query = query.where(_d.missed_at.is_not(None) if missed else _pending)
    rows = tx.conn.execute(query.order_by(_d.due_at.desc(), _d.uid).limit(limit).offset(offset))
    total = tx.conn.execute(sa.select(sa.func.count()).select_from(query.subquery())).scalar_one()
    return [DeadlineView(*row) for row in rows], total
