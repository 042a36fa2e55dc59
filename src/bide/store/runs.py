"""DAG runs and the making of their instances."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from bide.model.ids import NOT_MAPPED
from bide.model.run_state import Structure
from bide.model.states import FINISHED_RUN, RunState, TaskState
from bide.store.database import Tx
from bide.store.ids import new_id
from bide.store.rowset import listed
from bide.store.schema import dag, dag_run, task_instance


class RunRow(NamedTuple):
    """One run, as commands and duties need it."""

    uid: str
    dag_id: str
    run_id: str
    run_type: str
    state: RunState
    logical_date: datetime | None
    shares_date: bool
    data_interval_start: datetime | None
    data_interval_end: datetime | None
    run_after: datetime
    conf: bytes
    version_uid: str
    unfinished: int
    start_date: datetime | None


_row = sa.select(*(dag_run.c[name] for name in RunRow._fields))


_by_uid = _row.where(dag_run.c.uid.in_(listed("uids")))


def _read(row: Sequence[Any]) -> RunRow:
    found = RunRow(*row)
    return found._replace(state=RunState(found.state))


def find(tx: Tx, dag_id: str, run_id: str) -> RunRow | None:
    """The run `run_id` of `dag_id`."""
    row = tx.conn.execute(_row.where(dag_run.c.dag_id == dag_id, dag_run.c.run_id == run_id)).one_or_none()
    return None if row is None else _read(row)


def has_logical_date(tx: Tx, dag_id: str, logical_date: datetime) -> bool:
    """Whether a run of `dag_id` has this logical date."""
    return (
        tx.conn.execute(
            sa.select(dag_run.c.uid)
            .where(dag_run.c.dag_id == dag_id, dag_run.c.logical_date == logical_date)
            .limit(1)
        ).first()
        is not None
    )


def get_many(tx: Tx, uids: Sequence[str]) -> dict[str, RunRow]:
    """Runs by uid."""
    rows = tx.conn.execute(_by_uid, {"uids": list(uids)})
    return {run.uid: run for run in map(_read, rows)}


def insert(tx: Tx, run: RunRow, structure: Structure, *, triggered_by: str) -> None:
    """Insert `run` and one instance per task, each in state none."""
    tx.conn.execute(
        sa.insert(dag_run),
        {
            **run._asdict(),
            "state": run.state.value,
            "execution_date": run.logical_date,
            "queued_at": tx.now,
            "triggered_by": triggered_by,
        },
    )
    instances = [
        {
            "uid": new_id(tx.now),
            "run_uid": run.uid,
            "dag_id": run.dag_id,
            "run_id": run.run_id,
            "task_id": task.task_id,
            "map_index": NOT_MAPPED,
            "execution_date": run.logical_date,
            "state": TaskState.NONE.value,
            "epoch": 0,
            "try_number": 0,
            "max_tries": task.retries,
            "rescues": 0,
            "operator": task.operator,
            "priority_weight": task.priority_weight,
            "queue": task.queue,
            "pool": task.pool,
            "pool_slots": task.pool_slots,
            "is_resume": False,
        }
        for task in structure.spec.tasks
    ]
    if instances:
        tx.conn.execute(sa.insert(task_instance), instances)
    tx.ring("runs", "history")


def set_note(tx: Tx, uid: str, note: str) -> None:
    """Keep what a person wrote about the run."""
    tx.conn.execute(sa.update(dag_run).where(dag_run.c.uid == uid).values(note=note))


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
_queued = _row.where(_is(RunState.QUEUED)).order_by(dag_run.c.run_after, dag_run.c.uid)
_queued_with_room = (
    _queued.select_from(
        dag_run.join(dag, dag.c.dag_id == dag_run.c.dag_id).outerjoin(
            _running, _running.c.dag_id == dag_run.c.dag_id
        )
    )
    .where(sa.func.coalesce(_running.c.number, 0) < dag.c.max_active_runs)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_queued_by_uid = _queued.where(dag_run.c.uid == sa.bindparam("only"))


def queued(tx: Tx, limit: int, only: str | None = None) -> list[RunRow]:
    """Runs that have not started, the oldest first, of DAGs that have room under ``max_active_runs``.

    The DAGs at their limit are left out before the limit counts, so that they starve nobody. A run that is asked
    for by its uid as `only` is found whatever else runs. Reads ``ix_dag_run_unfinished``.
    """
    if only is not None:
        return [_read(row) for row in tx.conn.execute(_queued_by_uid, {"only": only})]
    return [_read(row) for row in tx.conn.execute(_queued_with_room, {"limit": limit})]


_room = (
    sa.select(dag.c.dag_id, sa.func.coalesce(_running.c.number, 0), dag.c.max_active_runs)
    .select_from(dag.outerjoin(_running, _running.c.dag_id == dag.c.dag_id))
    .where(dag.c.dag_id.in_(listed("dags")))
)


def count_running(tx: Tx, dag_ids: Collection[str]) -> dict[str, tuple[int, int]]:
    """(running runs, limit) of each DAG. Reads ``ix_dag_run_unfinished``."""
    rows = tx.conn.execute(_room, {"dags": set(dag_ids)})
    return {dag_id: (running, limit) for dag_id, running, limit in rows}


def start(tx: Tx, uid: str) -> None:
    """queued → running."""
    tx.conn.execute(
        sa.update(dag_run)
        .where(dag_run.c.uid == uid, dag_run.c.state == RunState.QUEUED.value)
        .values(state=RunState.RUNNING.value, start_date=tx.now)
    )
    tx.ring("history")


def finish(tx: Tx, uid: str, state: RunState, *, reason: str = "") -> bool:
    """End the run; False if it had ended before."""
    answer = tx.conn.execute(
        sa.update(dag_run)
        .where(dag_run.c.uid == uid, dag_run.c.state.not_in([one.value for one in FINISHED_RUN]))
        .values(state=state.value, end_date=tx.now, reason=reason)
    )
    # A run that ends makes room for the next one of its DAG.
    tx.ring("runs", "history")
    return answer.rowcount > 0
