"""Rows for people: what the CLI and the API show. Lists are newest first where there is a time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from bide.store.database import Tx
from bide.store.history import EventView as EventView
from bide.store.history import history as history
from bide.store.rowset import listed
from bide.store.schema import (
    cancel_obligation,
    dag,
    dag_run,
    dag_version,
    import_error,
    task_instance,
    wait,
    xcom,
)


class Page(NamedTuple):
    """A part of a list."""

    limit: int = 100
    offset: int = 0


FIRST_PAGE: Final = Page()
#: Large enough for every instance of a run.
EVERYTHING: Final = Page(limit=1_000_000)


class DagView(NamedTuple):
    """One DAG."""

    dag_id: str
    fileloc: str
    description: str
    owners: str
    tags: list[str]
    timetable_summary: str
    is_paused: bool
    is_active: bool
    max_active_runs: int
    max_active_tasks: int
    next_run_at: datetime | None
    last_parsed_at: datetime
    version_number: int
    version_uid: str


_dags = sa.select(
    *(dag_version.c[name] if name == "version_number" else dag.c[name] for name in DagView._fields)
).join_from(dag, dag_version, dag.c.version_uid == dag_version.c.uid)


def list_dags(
    tx: Tx,
    page: Page = FIRST_PAGE,
    *,
    only_active: bool = True,
    tags: Sequence[str] = (),
    paused: bool | None = None,
    pattern: str | None = None,
) -> tuple[list[DagView], int]:
    """DAGs by id, and how many there are in all. `pattern` is a part of the id."""
    query = _dags
    if only_active:
        query = query.where(dag.c.is_active)
    if paused is not None:
        query = query.where(dag.c.is_paused == paused)
    if pattern:
        query = query.where(dag.c.dag_id.contains(pattern, autoescape=True))
    for tag in tags:
        query = query.where(sa.cast(dag.c.tags, sa.Text).contains(f'"{tag}"', autoescape=True))
    rows = tx.conn.execute(query.order_by(dag.c.dag_id).limit(page.limit).offset(page.offset))
    return [DagView(*row) for row in rows], _total(tx, query)


def get_dag(tx: Tx, dag_id: str) -> DagView | None:
    """One DAG, active or not."""
    row = tx.conn.execute(_dags.where(dag.c.dag_id == dag_id)).one_or_none()
    return None if row is None else DagView(*row)


class RunView(NamedTuple):
    """One run."""

    uid: str
    dag_id: str
    run_id: str
    run_type: str
    state: str
    logical_date: datetime | None
    shares_date: bool
    data_interval_start: datetime | None
    data_interval_end: datetime | None
    run_after: datetime
    queued_at: datetime
    start_date: datetime | None
    end_date: datetime | None
    conf: bytes
    triggered_by: str
    reason: str
    note: str | None
    unfinished: int
    version_uid: str


_runs = sa.select(*(dag_run.c[name] for name in RunView._fields))


def list_runs(
    tx: Tx, page: Page = FIRST_PAGE, *, dag_id: str | None = None, states: Sequence[str] = ()
) -> tuple[list[RunView], int]:
    """Runs, the newest first, and how many there are in all."""
    query = _runs
    if dag_id is not None:
        query = query.where(dag_run.c.dag_id == dag_id)
    if states:
        query = query.where(dag_run.c.state.in_(states))
    rows = tx.conn.execute(
        query.order_by(dag_run.c.run_after.desc(), dag_run.c.uid.desc()).limit(page.limit).offset(page.offset)
    )
    return [RunView(*row) for row in rows], _total(tx, query)


def get_run(tx: Tx, dag_id: str, run_id: str) -> RunView | None:
    """One run."""
    row = tx.conn.execute(_runs.where(dag_run.c.dag_id == dag_id, dag_run.c.run_id == run_id)).one_or_none()
    return None if row is None else RunView(*row)


def runs_of_dates(tx: Tx, dag_id: str, first: datetime, last: datetime) -> list[RunView]:
    """The runs of a DAG whose logical dates are from `first` to `last`, both included."""
    rows = tx.conn.execute(_runs.where(dag_run.c.dag_id == dag_id, dag_run.c.logical_date.between(first, last)))
    return [RunView(*row) for row in rows]


def find_runs(tx: Tx, run_id: str) -> list[RunView]:
    """The runs of any DAG that have this id."""
    rows = tx.conn.execute(_runs.where(dag_run.c.run_id == run_id))
    return [RunView(*row) for row in rows]


class InstanceView(NamedTuple):
    """One task instance."""

    uid: str
    run_uid: str
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    execution_date: datetime | None
    state: str
    try_number: int
    max_tries: int
    operator: str
    queue: str
    pool: str
    pool_slots: int
    priority_weight: int
    is_resume: bool
    scheduled_at: datetime | None
    queued_at: datetime | None
    start_date: datetime | None
    end_date: datetime | None
    duration: float | None
    deadline: datetime | None
    due_at: datetime | None
    error: str
    rendered_map_index: str | None


_instances = sa.select(*(task_instance.c[name] for name in InstanceView._fields))


def list_instances(
    tx: Tx,
    page: Page = EVERYTHING,
    *,
    dag_id: str | None = None,
    run_id: str | None = None,
    states: Sequence[str] = (),
    mapped_task: str | None = None,
) -> tuple[list[InstanceView], int]:
    """Instances in the order in which they were made, and how many there are in all.

    Those of `mapped_task` come by map index.
    """
    query = _instances
    if mapped_task is not None:
        query = query.where(task_instance.c.task_id == mapped_task, task_instance.c.map_index >= 0)
        query = query.order_by(task_instance.c.map_index)
    if dag_id is not None:
        query = query.where(task_instance.c.dag_id == dag_id)
    if run_id is not None:
        query = query.where(task_instance.c.run_id == run_id)
    if states:
        query = query.where(task_instance.c.state.in_(states))
    rows = tx.conn.execute(query.order_by(task_instance.c.uid).limit(page.limit).offset(page.offset))
    return [InstanceView(*row) for row in rows], _total(tx, query)


def get_instance(tx: Tx, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> InstanceView | None:
    """One instance."""
    row = tx.conn.execute(
        _instances.where(
            task_instance.c.dag_id == dag_id,
            task_instance.c.run_id == run_id,
            task_instance.c.task_id == task_id,
            task_instance.c.map_index == map_index,
        )
    ).one_or_none()
    return None if row is None else InstanceView(*row)


def get_instances(tx: Tx, uids: Collection[str]) -> list[InstanceView]:
    """Instances by uid, in the order of `uids`."""
    rows = tx.conn.execute(_instances.where(task_instance.c.uid.in_(listed("uids"))), {"uids": list(uids)})
    found = {row.uid: row for row in (InstanceView(*one) for one in rows)}
    return [found[uid] for uid in uids if uid in found]


class WaitView(NamedTuple):
    """A wait and whose it is."""

    uid: str
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    kind: str
    classpath: str
    subject: str
    armed_at: datetime
    #: When a timer fires.
    due_at: datetime | None
    #: When the deferral times out.
    deadline: datetime | None
    #: When the whole try does.
    task_deadline: datetime | None
    interval: float | None
    session: str | None
    #: Which triggerers may run it.
    queue: str
    run_uid: str
    #: Its instance.
    instance_uid: str
    #: In a tree of waits: what it is a part of, and its name there.
    parent_uid: str | None
    name: str


def list_waits(
    tx: Tx,
    page: Page = FIRST_PAGE,
    *,
    dag_id: str | None = None,
    run_id: str | None = None,
    instance_uids: Sequence[str] | None = None,
) -> tuple[list[WaitView], int]:
    """Waits, the oldest first, and how many there are in all. `instance_uids` (at most 10,000) selects theirs."""
    query = sa.select(
        wait.c.uid,
        task_instance.c.dag_id,
        task_instance.c.run_id,
        task_instance.c.task_id,
        task_instance.c.map_index,
        wait.c.kind,
        wait.c.classpath,
        wait.c.subject,
        wait.c.armed_at,
        wait.c.due_at,
        wait.c.deadline,
        task_instance.c.deadline.label("task_deadline"),
        wait.c.interval,
        *(wait.c.session, wait.c.queue, wait.c.run_uid, wait.c.instance_uid, wait.c.parent_uid, wait.c.name),
    ).join_from(wait, task_instance, wait.c.instance_uid == task_instance.c.uid)
    query = query.where(wait.c.ended_at.is_(None))
    if dag_id is not None:
        query = query.where(task_instance.c.dag_id == dag_id)
    if run_id is not None:
        query = query.where(task_instance.c.run_id == run_id)
    if instance_uids is not None:
        query = query.where(wait.c.instance_uid.in_(instance_uids))
    rows = tx.conn.execute(query.order_by(wait.c.armed_at, wait.c.uid).limit(page.limit).offset(page.offset))
    return [WaitView(*row) for row in rows], _total(tx, query)


class ObligationView(NamedTuple):
    """External work that has to be cancelled, or that could not be."""

    dag_id: str
    run_id: str
    task_id: str
    classpath: str
    state: str
    attempts: int
    due_at: datetime | None
    give_up_at: datetime
    error: str


def list_obligations(tx: Tx, *, run_uid: str | None = None, with_done: bool = False) -> list[ObligationView]:
    """Cancel obligations that are pending or have failed; those that are done too if `with_done`."""
    query = (
        sa.select(
            task_instance.c.dag_id,
            task_instance.c.run_id,
            task_instance.c.task_id,
            cancel_obligation.c.classpath,
            cancel_obligation.c.state,
            cancel_obligation.c.attempts,
            cancel_obligation.c.due_at,
            cancel_obligation.c.give_up_at,
            cancel_obligation.c.error,
        )
        .join_from(cancel_obligation, task_instance, cancel_obligation.c.instance_uid == task_instance.c.uid)
        .order_by(cancel_obligation.c.uid)
    )
    if not with_done:
        query = query.where(cancel_obligation.c.state != "done")
    if run_uid is not None:
        query = query.where(cancel_obligation.c.run_uid == run_uid)
    return [ObligationView(*row) for row in tx.conn.execute(query)]


class ImportErrorView(NamedTuple):
    """Why a file, or one DAG of it, can't be used."""

    id: int
    filename: str
    dag_id: str | None
    line: int | None
    message: str
    stack_trace: str
    timestamp: datetime


def list_import_errors(tx: Tx, page: Page = FIRST_PAGE) -> tuple[list[ImportErrorView], int]:
    """Import errors by file, and how many there are in all."""
    query = sa.select(*(import_error.c[name] for name in ImportErrorView._fields))
    rows = tx.conn.execute(
        query.order_by(import_error.c.filename, import_error.c.id).limit(page.limit).offset(page.offset)
    )
    return [ImportErrorView(*row) for row in rows], _total(tx, query)


class XComView(NamedTuple):
    """One XCom; its value as the runner encoded it."""

    task_id: str
    map_index: int
    key: str
    value: bytes
    timestamp: datetime


def list_xcoms(
    tx: Tx, dag_id: str, run_id: str, *, task_id: str | None = None, key: str | None = None
) -> list[XComView]:
    """XComs of a run."""
    query = sa.select(*(xcom.c[name] for name in XComView._fields)).where(
        xcom.c.dag_id == dag_id, xcom.c.run_id == run_id
    )
    if task_id is not None:
        query = query.where(xcom.c.task_id == task_id)
    if key is not None:
        query = query.where(xcom.c.key == key)
    rows = tx.conn.execute(query.order_by(xcom.c.task_id, xcom.c.map_index, xcom.c.key))
    return [XComView(*row) for row in rows]


def _total(tx: Tx, query: sa.Select[*tuple[Any, ...]]) -> int:
    counted = query.order_by(None).limit(None).offset(None).subquery()
    return tx.conn.execute(sa.select(sa.func.count()).select_from(counted)).scalar_one()
