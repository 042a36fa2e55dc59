"""Task instances: the selections that duties and commands make. States are written by ``transitions`` alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from bide.model.pools import DEFAULT, DEFAULT_POOL, Pool
from bide.model.room import Closed
from bide.model.run_state import Instance
from bide.model.selection import Found
from bide.model.states import FINISHED, TaskState
from bide.store import runs
from bide.store.database import Tx
from bide.store.rowset import Integer, listed
from bide.store.runs import RunRow
from bide.store.schema import UtcTime, cancel_obligation, dag, dag_run, mark, slot_pool, task_instance
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


def _read_with_run(columns: Sequence[Any], known: dict[str, RunRow]) -> tuple[InstanceRow, RunRow]:
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
    found = (_read_with_run(columns, known) for columns in tx.conn.execute(_with_runs, {"uids": list(uids)}))
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


# As :func:`bide.model.room.demand` names it.
_demand = _ti.pool.concat(":").concat(sa.cast(_ti.pool_slots, sa.String))


def _candidates(*open_: sa.ColumnElement[bool]) -> sa.Select[*tuple[Any, ...]]:
    scheduled = (
        sa.select(*(_ti[name] for name in InstanceRow._fields), _ti.priority_weight, _ti.scheduled_at)
        .where(sa.text("task_instance.state = 'scheduled'"), *open_, in_scope(_ti.run_uid))
        .order_by(_ti.priority_weight.desc(), _ti.scheduled_at, _ti.uid)
        .limit(_LIMIT)
    )
    # What goes on after a wait belongs to the same try: nothing of it is being cancelled.
    fresh = scheduled.where(
        _ti.is_resume == sa.false(),
        ~sa.exists().where(cancel_obligation.c.instance_uid == _ti.uid, sa.text("cancel_obligation.holds")),
    )
    both = sa.union_all(
        sa.select(scheduled.where(_ti.is_resume == sa.true()).subquery("resumes")),
        sa.select(fresh.subquery("fresh")),
    ).subquery("found")
    return (
        sa.select(*(both.c[name] for name in InstanceRow._fields), *runs.columns, dag.c.max_active_tasks)
        .select_from(both.join(dag, dag.c.dag_id == both.c.dag_id).join(dag_run, dag_run.c.uid == both.c.run_uid))
        .order_by(both.c.priority_weight.desc(), both.c.scheduled_at, both.c.uid)
    )


_is_open = (
    _ti.dag_id.not_in(listed("without_dags")),
    _ti.pool.not_in(listed("without_pools")),
    _demand.not_in(listed("without_demands")),
    sa.or_(
        _ti.max_active_tis_per_dag.is_(None),
        _ti.dag_id.concat(":").concat(_ti.task_id).not_in(listed("without_tasks")),
    ),
    sa.or_(
        _ti.max_active_tis_per_dagrun.is_(None),
        _ti.run_uid.concat(":").concat(_ti.task_id).not_in(listed("without_tasks")),
    ),
)
# Mostly nothing is at a limit, and then there is less to ask.
_all_candidates = _candidates()
_open_candidates = _candidates(*_is_open)
_candidates_in_queues = _candidates(_ti.queue.in_(listed("queues")), *_is_open)


class Candidates(NamedTuple):
    """Scheduled instances that may be queued, those that go first in front."""

    resumes: list[InstanceRow]
    fresh: list[InstanceRow]
    #: ``max_active_tasks`` of their DAGs.
    limits: dict[str, int]
    #: Their runs, by uid.
    runs: dict[str, RunRow]


def scheduled(
    tx: Tx,
    *,
    limit: int,
    without: Closed | None = None,
    only: str | None = None,
    queues: Collection[str] | None = None,
) -> Candidates:
    """Scheduled instances of `queues` by weight, then age, up to `limit` of each kind, without what is at a limit.

    A new try is left out while external work of an earlier one has to be cancelled first. Reads the partial
    indexes ``ix_task_instance_scheduled`` and ``ix_cancel_obligation_holding``.
    """
    given: dict[str, Any] = {"limit": limit, "only": only}
    statement = _open_candidates if without else _all_candidates
    if queues is not None:
        statement, without = _candidates_in_queues, without or Closed()
        given["queues"] = queues
    if without is not None and statement is not _all_candidates:
        given |= {f"without_{name}": getattr(without, name) for name in ("dags", "pools", "demands", "tasks")}
    found = Candidates([], [], {}, {})
    for *columns, max_active_tasks in tx.conn.execute(statement, given):
        row, _ = _read_with_run(columns, found.runs)
        (found.resumes if row.is_resume else found.fresh).append(row)
        found.limits[row.dag_id] = max_active_tasks
    return found


_any_scheduled = sa.select(sa.exists().where(sa.text("task_instance.state = 'scheduled'"), in_scope(_ti.run_uid)))


def any_scheduled(tx: Tx, only: str | None = None) -> bool:
    """Whether anything is scheduled. Reads the partial index ``ix_task_instance_scheduled``."""
    return tx.conn.execute(_any_scheduled, {"only": only}).scalar_one()


_occupying = sa.text("task_instance.state IN ('queued', 'running')")
# One statement for what is taken and for what there is of it: the second half is the table of pools.
_occupancy = sa.union_all(
    sa.select(
        _ti.dag_id, _ti.pool, _ti.is_resume, sa.func.count(), sa.func.sum(_ti.pool_slots), dag.c.max_active_tasks
    )
    .select_from(task_instance.join(dag, dag.c.dag_id == _ti.dag_id))
    .where(_occupying, in_scope(_ti.run_uid))
    .group_by(_ti.dag_id, _ti.pool, _ti.is_resume, dag.c.max_active_tasks),
    sa.select(
        sa.null(),
        slot_pool.c.pool,
        slot_pool.c.include_deferred,
        slot_pool.c.slots,
        sa.literal_column("0"),
        sa.literal_column("0"),
    ),
)


class Occupancy(NamedTuple):
    """What is queued or running, and the pools that there are."""

    #: How many instances of each DAG.
    by_dag: dict[str, int]
    #: How many of all are new: they do not go on after a wait.
    fresh: int
    #: Slots taken of each pool.
    by_pool: Mapping[str, int] = {}
    #: All pools; without descriptions.
    pools: Sequence[Pool] = (DEFAULT,)
    #: ``max_active_tasks`` of these DAGs.
    limits: Mapping[str, int] = {}


def occupancy(tx: Tx, only: str | None = None) -> Occupancy:
    """Count what is queued or running. Reads ``ix_task_instance_occupying``."""
    by_dag: dict[str, int] = {}
    by_pool: dict[str, int] = {}
    pools = {DEFAULT.name: DEFAULT}
    limits: dict[str, int] = {}
    fresh = 0
    for dag_id, pool, flag, number, slots, max_active_tasks in tx.conn.execute(_occupancy, {"only": only}):
        if dag_id is None:
            pools[pool] = Pool(pool, number, include_deferred=flag)
            continue
        by_dag[dag_id] = by_dag.get(dag_id, 0) + number
        limits[dag_id] = max_active_tasks
        by_pool[pool] = by_pool.get(pool, 0) + slots
        fresh += 0 if flag else number
    return Occupancy(by_dag, fresh, by_pool, tuple(pools.values()), limits)


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


_held_by_others = _row.where(
    _occupying,
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


_held_by = _row.where(_occupying, _ti.session == sa.bindparam("session"))


def held_by(tx: Tx, session: str) -> list[InstanceRow]:
    """Queued and running instances of one engine. Reads ``ix_task_instance_occupying``."""
    return _read(tx.conn.execute(_held_by, {"session": session}))
