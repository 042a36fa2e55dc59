"""Runs and task instances that user code asks about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from bide.store.database import Tx
from bide.store.rowset import listed
from bide.store.runs import RunRow, read, select_runs
from bide.store.schema import UtcTime, dag_run, task_instance, to_text


class AskedRuns(NamedTuple):
    """What is said of runs; None and empty: nothing."""

    dag_id: str
    run_ids: Collection[str] | None = None
    logical_dates: Collection[datetime] | None = None
    first: datetime | None = None
    last: datetime | None = None
    states: Collection[str] = ()
    run_types: Collection[str] = ()


class InstanceSeen(NamedTuple):
    """One task instance, with the names of its columns."""

    run_uid: str
    run_id: str
    task_id: str
    map_index: int
    state: str
    try_number: int
    max_tries: int
    operator: str
    queue: str
    pool: str
    pool_slots: int
    priority_weight: int
    queued_at: datetime | None
    start_date: datetime | None
    end_date: datetime | None


def asked_runs(tx: Tx, asked: AskedRuns, limit: int) -> list[tuple[RunRow, datetime | None]]:
    """The newest `limit` runs that fit, each with its end; the newest first, by logical date if `asked` has a span.

    Reads ``ix_dag_run_recent``, ``ix_dag_run_logical_date`` or the index of run ids.
    """
    query = select_runs.add_columns(dag_run.c.end_date).where(dag_run.c.dag_id == asked.dag_id)
    given: dict[str, Sequence[object]] = {}
    if asked.run_ids is not None:
        query, given["run_ids"] = query.where(dag_run.c.run_id.in_(listed("run_ids"))), list(asked.run_ids)
    if asked.logical_dates is not None:
        query = query.where(dag_run.c.logical_date.in_(listed("dates", UtcTime)))
        given["dates"] = [to_text(date) for date in asked.logical_dates]
    if asked.first is not None:
        query = query.where(dag_run.c.logical_date >= asked.first)
    if asked.last is not None:
        query = query.where(dag_run.c.logical_date <= asked.last)
    if asked.states:
        query = query.where(dag_run.c.state.in_(asked.states))
    if asked.run_types:
        query = query.where(dag_run.c.run_type.in_(asked.run_types))
    in_span = asked.first is not None or asked.last is not None
    moment = dag_run.c.logical_date if in_span else dag_run.c.run_after
    rows = tx.conn.execute(query.order_by(moment.desc(), dag_run.c.uid.desc()).limit(limit), given)
    return [(read(row[:-1]), row[-1]) for row in rows]


def instances_of(
    tx: Tx,
    run_uids: Sequence[str],
    *,
    task_ids: Collection[str] | None = None,
    map_index: int | None = None,
    states: Collection[str] = (),
) -> list[InstanceSeen]:
    """Instances of these runs that fit, by run in their order, then as they were made."""
    query = sa.select(*(task_instance.c[name] for name in InstanceSeen._fields)).where(
        task_instance.c.run_uid.in_(listed("run_uids"))
    )
    given: dict[str, Sequence[object]] = {"run_uids": run_uids}
    if task_ids is not None:
        query, given["task_ids"] = query.where(task_instance.c.task_id.in_(listed("task_ids"))), list(task_ids)
    if map_index is not None:
        query = query.where(task_instance.c.map_index == map_index)
    if states:
        query = query.where(task_instance.c.state.in_(states))
    found = [InstanceSeen(*row) for row in tx.conn.execute(query.order_by(task_instance.c.uid), given)]
    place = {uid: number for number, uid in enumerate(run_uids)}
    return sorted(found, key=lambda one: place[one.run_uid])
