"""Instances that wait for a slot, and what has the slots."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from bide.model.pools import DEFAULT, Pool
from bide.model.room import Closed
from bide.store import runs
from bide.store.database import Tx
from bide.store.instances import InstanceRow, occupying, read_with_run
from bide.store.rowset import listed
from bide.store.runs import RunRow
from bide.store.schema import cancel_obligation, dag, dag_run, slot_pool, task_instance
from bide.store.scoping import in_scope

_ti = task_instance.c

# As :func:`bide.model.room.demand` names it.
_demand = _ti.pool.concat(":").concat(sa.cast(_ti.pool_slots, sa.String))


def _candidates(*open_: sa.ColumnElement[bool]) -> sa.Select[*tuple[Any, ...]]:
    scheduled = (
        sa.select(*(_ti[name] for name in InstanceRow._fields), _ti.priority_weight, _ti.scheduled_at)
        .where(sa.text("task_instance.state = 'scheduled'"), *open_, in_scope(_ti.run_uid))
        .order_by(_ti.priority_weight.desc(), _ti.scheduled_at, _ti.uid)
        .limit(sa.bindparam("limit", type_=sa.Integer))
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
        row, _ = read_with_run(columns, found.runs)
        (found.resumes if row.is_resume else found.fresh).append(row)
        found.limits[row.dag_id] = max_active_tasks
    return found


_any_scheduled = sa.select(sa.exists().where(sa.text("task_instance.state = 'scheduled'"), in_scope(_ti.run_uid)))


def any_scheduled(tx: Tx, only: str | None = None) -> bool:
    """Whether anything is scheduled. Reads the partial index ``ix_task_instance_scheduled``."""
    return tx.conn.execute(_any_scheduled, {"only": only}).scalar_one()


# One statement for what is taken and for what there is of it: the second half is the table of pools.
_occupancy = sa.union_all(
    sa.select(
        _ti.dag_id, _ti.pool, _ti.is_resume, sa.func.count(), sa.func.sum(_ti.pool_slots), dag.c.max_active_tasks
    )
    .select_from(task_instance.join(dag, dag.c.dag_id == _ti.dag_id))
    .where(occupying, in_scope(_ti.run_uid))
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
    """Count what is queued or running. Reads ``ix_task_instanceoccupying``."""
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
