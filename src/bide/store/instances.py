"""Task instances: the selections that duties and commands make. States are written by ``transitions`` alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from bide.model.pools import DEFAULT_POOL
from bide.model.run_state import Instance
from bide.model.selection import Found
from bide.model.states import FINISHED, TaskState
from bide.store import runs
from bide.store.database import Tx
from bide.store.rowset import Integer, listed
from bide.store.runs import RunRow
from bide.store.schema import UtcTime, dag_run, mark, task_instance
from bide.store.scoping import in_scope
from bide.store.xcoms import XComRow

_ti = task_instance.c


class InstanceRow(NamedTuple):
    """One instance, as commands and duties need it."""

    uid: str
    run_uid: str
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    execution_date: datetime | None
    state: TaskState
    epoch: int
    try_number: int
    max_tries: int
    rescues: int
    is_resume: bool
    session: str | None
    start_date: datetime | None
    deadline: datetime | None
    seconds_left: float | None
    pool: str = DEFAULT_POOL
    pool_slots: int = 1
    max_active_tis_per_dag: int | None = None
    max_active_tis_per_dagrun: int | None = None

    def xcom(self, key: str, value: bytes, length: int | None = None) -> XComRow:
        """An XCom of this instance; `length` is that of a list or dict."""
        place = (self.dag_id, self.run_id, self.task_id, self.map_index)
        return XComRow(*place, key, value, self.execution_date, length)


_row: sa.Select[*tuple[Any, ...]] = sa.select(*(_ti[name] for name in InstanceRow._fields))
_LIMIT = sa.bindparam("limit", type_=sa.Integer)
_UIDS = listed("uids")

# Statements of the hot path are built once: building one costs more than SQLite takes to run it.
_by_uid = _row.where(_ti.uid.in_(_UIDS))
_locked = _row.where(_ti.uid == sa.bindparam("uid")).with_for_update()
#: Instances of some tasks of a run, as decisions see them.
_by_task_columns = (_ti.uid, _ti.task_id, _ti.epoch, _ti.state, _ti.try_number, _ti.map_index)
by_task = sa.select(*_by_task_columns).where(_ti.run_uid == sa.bindparam("run"), _ti.task_id.in_(listed("tasks")))


def _read(rows: Iterable[Sequence[Any]]) -> list[InstanceRow]:
    found = [InstanceRow(*row) for row in rows]
    return [one._replace(state=TaskState(one.state)) for one in found]


_WIDTH = len(InstanceRow._fields)


def read_with_run(columns: Sequence[Any], known: dict[str, RunRow]) -> tuple[InstanceRow, RunRow]:
    """An instance and its run, which is read once: the instances of a batch are often of one run."""
    (row,) = _read([columns[:_WIDTH]])
    run = known.get(row.run_uid)
    if run is None:
        run = known[row.run_uid] = runs.read(columns[_WIDTH:])
    return row, run


_with_runs = (
    sa.select(*(_ti[name] for name in InstanceRow._fields), *runs.columns)
    .select_from(task_instance.join(dag_run, dag_run.c.uid == _ti.run_uid))
    .where(_ti.uid.in_(_UIDS))
)


def with_runs(tx: Tx, uids: Collection[str]) -> dict[str, tuple[InstanceRow, RunRow]]:
    """Instances by uid, each with its run."""
    if not uids:
        return {}
    known: dict[str, RunRow] = {}
    found = (read_with_run(columns, known) for columns in tx.conn.execute(_with_runs, {"uids": list(uids)}))
    return {row.uid: (row, run) for row, run in found}


def get(tx: Tx, uid: str) -> InstanceRow | None:
    """The instance `uid`."""
    return get_many(tx, [uid]).get(uid)


def lock(tx: Tx, uid: str) -> InstanceRow | None:
    """The instance `uid`, which nobody else changes before the end of this transaction."""
    return next(iter(_read(tx.conn.execute(_locked, {"uid": uid}))), None)


def get_many(tx: Tx, uids: Collection[str]) -> dict[str, InstanceRow]:
    """Instances by uid."""
    return {row.uid: row for row in _read(tx.conn.execute(_by_uid, {"uids": list(uids)}))}


def of_tasks(tx: Tx, run_uid: str, task_ids: Collection[str]) -> list[Instance]:
    """The instances of these tasks of a run, for decisions."""
    return as_instances(tx.conn.execute(by_task, {"run": run_uid, "tasks": list(task_ids)}))


_by_run_and_task = sa.select(_ti.run_uid, *_by_task_columns).where(
    _ti.run_uid.in_(listed("runs")), _ti.task_id.in_(listed("tasks"))
)


def of_tasks_by_run(tx: Tx, run_uids: Collection[str], task_ids: Collection[str]) -> dict[str, list[Instance]]:
    """The instances of these tasks in each of these runs."""
    found: dict[str, list[Instance]] = {}
    for run_uid, *row in tx.conn.execute(_by_run_and_task, {"runs": run_uids, "tasks": task_ids}):
        found.setdefault(run_uid, []).append(_as_instance(row))
    return found


def as_instances(rows: Iterable[Sequence[Any]]) -> list[Instance]:
    """What :data:`by_task`, or a narrower selection, finds."""
    return [_as_instance(row) for row in rows]


def _as_instance(row: Sequence[Any]) -> Instance:
    uid, task_id, epoch, state, tries, map_index = row
    return Instance(uid, task_id, epoch, TaskState(state), tries, map_index)


_of_runs = sa.select(*(_ti[name] for name in Found._fields)).where(_ti.run_uid.in_(listed("runs")))


def of_runs(tx: Tx, run_uids: Collection[str]) -> list[Found]:
    """All instances of these runs, for selections. Reads the unique index that begins with the run."""
    rows = [Found(*row) for row in tx.conn.execute(_of_runs, {"runs": list(run_uids)})]
    return [one._replace(state=TaskState(one.state)) for one in rows]


_last_ended = (
    _row.where(_ti.run_uid == sa.bindparam("run"), _ti.state.in_(listed("states")))
    .order_by(_ti.end_date.desc(), _ti.uid)
    .limit(1)
)
_any_of_run = _row.where(_ti.run_uid == sa.bindparam("run")).limit(1)


def last_ended(tx: Tx, run_uid: str, *, failed: bool) -> InstanceRow | None:
    """The instance that a run's end is told by: the last that failed, or that ended; any if there is none."""
    states: list[TaskState] = [TaskState.FAILED] if failed else list(FINISHED)
    rows = tx.conn.execute(_last_ended, {"run": run_uid, "states": [state.value for state in states]})
    found = _read(rows) or _read(tx.conn.execute(_any_of_run, {"run": run_uid}))
    return found[0] if found else None


class Mark(NamedTuple):
    """A finished instance that its run has not yet taken note of."""

    id: int
    run_uid: str
    task_id: str
    map_index: int


_oldest_marks = (
    sa.select(mark.c.id, mark.c.run_uid, mark.c.task_id, mark.c.map_index).order_by(mark.c.id).limit(_LIMIT)
)
_oldest_marks_of = _oldest_marks.where(mark.c.run_uid.in_(listed("runs")))
_delete_marks = sa.delete(mark).where(mark.c.id.in_(listed("ids", Integer)))


def read_marks(tx: Tx, limit: int, only: Collection[str] | None = None) -> list[Mark]:
    """The oldest marks, of all runs or of those of `only`."""
    chosen = _oldest_marks if only is None else _oldest_marks_of
    return [Mark(*row) for row in tx.conn.execute(chosen, {"limit": limit, "runs": only or ()})]


def delete_marks(tx: Tx, ids: Sequence[int]) -> None:
    """Delete exactly these marks."""
    tx.conn.execute(_delete_marks, {"ids": ids})


def _up_to(column: sa.ColumnElement[datetime | None]) -> sa.Select[*tuple[Any, ...]]:
    """The instances whose `column` is not later than now, the earliest first."""
    return (
        _row.where(column <= sa.bindparam("now", type_=UtcTime), in_scope(_ti.run_uid))
        .order_by(column)
        .limit(_LIMIT)
    )


def _earliest(column: sa.ColumnElement[datetime | None]) -> sa.Select[*tuple[Any, ...]]:
    return sa.select(sa.func.min(column)).where(column.is_not(None), in_scope(_ti.run_uid))


_due, _next_due = _up_to(_ti.due_at), _earliest(_ti.due_at)
_overdue, _next_deadline = _up_to(_ti.deadline), _earliest(_ti.deadline)


def due(tx: Tx, limit: int, only: str | None = None) -> list[InstanceRow]:
    """Instances whose retry or next look is due, the longest due first. Reads ``ix_task_instance_due``."""
    return _read(tx.conn.execute(_due, {"now": tx.now, "limit": limit, "only": only}))


def next_due(tx: Tx, only: str | None = None) -> datetime | None:
    """When the next retry or look is due."""
    return tx.conn.execute(_next_due, {"only": only}).scalar_one()


def overdue(tx: Tx, limit: int, only: str | None = None) -> list[InstanceRow]:
    """Instances whose deadline has passed. Reads ``ix_task_instance_deadline``."""
    return _read(tx.conn.execute(_overdue, {"now": tx.now, "limit": limit, "only": only}))


def next_deadline(tx: Tx, only: str | None = None) -> datetime | None:
    """The nearest deadline of an instance."""
    return tx.conn.execute(_next_deadline, {"only": only}).scalar_one()


#: What has a slot.
occupying = sa.text("task_instance.state IN ('queued', 'running')")

_held_by_others = _row.where(
    occupying,
    sa.or_(_ti.session.is_(None), _ti.session != sa.bindparam("session")),
    in_scope(_ti.run_uid),
).limit(_LIMIT)
_held = sa.select(_ti.uid, _ti.epoch).where(_ti.uid.in_(_UIDS), _ti.state == TaskState.RUNNING.value)


def held_by_others(tx: Tx, session: str, limit: int, only: str | None = None) -> list[InstanceRow]:
    """Queued and running instances of other engines. Reads ``ix_task_instance_occupying``."""
    return _read(tx.conn.execute(_held_by_others, {"session": session, "limit": limit, "only": only}))


def held(tx: Tx, uids: Collection[str]) -> dict[str, int]:
    """Epochs of those of `uids` that are running."""
    return dict(tx.conn.execute(_held, {"uids": list(uids)}).all())


_held_by = _row.where(occupying, _ti.session == sa.bindparam("session"))


def held_by(tx: Tx, session: str) -> list[InstanceRow]:
    """Queued and running instances of one engine. Reads ``ix_task_instance_occupying``."""
    return _read(tx.conn.execute(_held_by, {"session": session}))
