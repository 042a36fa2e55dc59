"""History that may go: runs with all that belongs to them, versions that nothing refers to, who did what.

Deleting works in small portions, the oldest first, and takes only what has ended.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from bide.model.states import FINISHED_RUN
from bide.store import xcom_purges
from bide.store.database import Tx
from bide.store.rowset import listed
from bide.store.schema import (
    UtcTime,
    asset_delivery,
    asset_event,
    asset_watcher,
    asset_watcher_dag,
    backfill,
    callback_request,
    cancel_obligation,
    dag,
    dag_run,
    dag_version,
    log,
    session,
    task_error,
    task_event,
    task_instance,
    task_instance_note,
    xcom,
)
from bide.store.xcom_purges import Elsewhere

_r, _i = dag_run.c, task_instance.c


class OldRun(NamedTuple):
    """A run that may go."""

    uid: str
    dag_id: str
    run_id: str
    logical_date: datetime | None
    shares_date: bool


_DAG = sa.bindparam("dag", type_=sa.String)
_LIMIT = sa.bindparam("limit", type_=sa.Integer)
_ended = _r.state.in_([one.value for one in FINISHED_RUN])
#: What is still to be done for a run keeps it.
_is_needed = sa.or_(
    sa.exists()
    .where(sa.text("cancel_obligation.state = 'pending'"), cancel_obligation.c.run_uid == _r.uid)
    .correlate(dag_run),
    sa.exists().where(callback_request.c.run_uid == _r.uid).correlate(dag_run),
    # The next scheduled run is counted from the last one.
    _r.uid == sa.bindparam("newest"),
)
_old = sa.select(*(_r[name] for name in OldRun._fields)).where(_r.dag_id == _DAG, _ended, ~_is_needed)
_by_age = (
    _old.where(
        # No run ends before it may begin: so the index tells where to stop.
        _r.run_after < sa.bindparam("before", type_=UtcTime),
        _r.end_date < sa.bindparam("before", type_=UtcTime),
    )
    .order_by(_r.run_after, _r.uid)
    .limit(_LIMIT)
)
_by_number = (
    _old.where(_r.run_after <= sa.bindparam("boundary", type_=UtcTime), _r.uid.not_in(listed("kept")))
    .order_by(_r.run_after, _r.uid)
    .limit(_LIMIT)
)
_newest_scheduled = (
    sa.select(_r.uid).where(_r.dag_id == _DAG, _r.run_type == "scheduled").order_by(_r.run_after.desc()).limit(1)
)
_newest = sa.select(_r.uid, _r.run_after).where(_r.dag_id == _DAG).order_by(_r.run_after.desc(), _r.uid.desc())


def dag_ids(tx: Tx) -> list[str]:
    """All DAGs that are known, also those that are gone."""
    return list(tx.conn.execute(sa.select(dag.c.dag_id).order_by(dag.c.dag_id)).scalars())


def old_runs(tx: Tx, dag_id: str, before: datetime, limit: int) -> list[OldRun]:
    """Runs of a DAG that ended before a moment, the oldest first. Reads ``ix_dag_run_recent``."""
    given = {"dag": dag_id, "before": before, "limit": limit, "newest": _scheduled(tx, dag_id)}
    return [OldRun(*row) for row in tx.conn.execute(_by_age, given)]


def surplus_runs(tx: Tx, dag_id: str, keep: int, limit: int) -> list[OldRun]:
    """Runs of a DAG that have ended, but for its newest `keep`, the oldest first. Reads ``ix_dag_run_recent``."""
    edge = tx.conn.execute(_newest.offset(max(keep - 1, 0)).limit(1), {"dag": dag_id}).one_or_none()
    if edge is None:
        return []
    # Of those that may begin at the same moment as the last one that is kept, some are kept.
    same = sa.select(_r.uid).where(_r.dag_id == _DAG, _r.run_after == edge.run_after, _r.uid >= edge.uid)
    kept = list(tx.conn.execute(same, {"dag": dag_id}).scalars()) if keep else []
    given = {"dag": dag_id, "boundary": edge.run_after, "limit": limit, "newest": _scheduled(tx, dag_id)}
    return [OldRun(*row) for row in tx.conn.execute(_by_number, {**given, "kept": kept})]


def _scheduled(tx: Tx, dag_id: str) -> str:
    return tx.conn.execute(_newest_scheduled, {"dag": dag_id}).scalar_one_or_none() or ""


class OldInstance(NamedTuple):
    """An instance of a run that may go."""

    uid: str
    run_uid: str
    task_id: str
    map_index: int
    try_number: int


_instances = (
    sa.select(*(_i[name] for name in OldInstance._fields))
    .where(_i.run_uid.in_(listed("runs")))
    .order_by(_i.run_uid, _i.task_id, _i.map_index)
)


def instances_of(tx: Tx, run_uids: Collection[str]) -> list[OldInstance]:
    """The instances of runs."""
    return [OldInstance(*row) for row in tx.conn.execute(_instances, {"runs": run_uids})]


_number = sa.select(sa.func.count()).where(_i.run_uid.in_(listed("runs")))


def count_instances(tx: Tx, run_uids: Collection[str]) -> int:
    """How many instances runs have."""
    return tx.conn.execute(_number, {"runs": run_uids}).scalar_one()


_delete_some = sa.delete(task_instance).where(
    _i.uid.in_(listed("uids")), _i.run_uid.in_(sa.select(_r.uid).where(_r.uid == sa.bindparam("run"), _ended))
)
_delete = sa.delete(dag_run).where(_r.uid.in_(listed("runs")), _ended).returning(_r.uid)
_delete_obligations = sa.delete(cancel_obligation).where(cancel_obligation.c.run_uid.in_(listed("runs")))
_delete_xcoms = sa.delete(xcom).where(xcom.c.dag_id == _DAG, xcom.c.run_id.in_(listed("run_ids")))


def delete_instances(tx: Tx, run_uid: str, uids: Sequence[str]) -> int:
    """Delete some instances of a run that has ended; how many went. For runs that are large."""
    return tx.conn.execute(_delete_some, {"run": run_uid, "uids": uids}).rowcount


def delete_runs(tx: Tx, runs: Sequence[OldRun], elsewhere: Elsewhere = "none") -> set[str]:
    """Delete runs of one DAG with all that belongs to them, but for those that go on by now; the uids that went.

    What their XComs have put `elsewhere` is noted, to be removed.
    """
    gone = set(tx.conn.execute(_delete, {"runs": [run.uid for run in runs]}).scalars())
    names = [run.run_id for run in runs if run.uid in gone]
    if names:
        tx.conn.execute(_delete_obligations, {"runs": gone})
        xcom_purges.note(tx, runs[0].dag_id, names, elsewhere)
        tx.conn.execute(_delete_xcoms, {"dag": runs[0].dag_id, "run_ids": names})
    return gone


# --- what an archive keeps


def rows_of_runs(tx: Tx, runs: Sequence[OldRun]) -> dict[str, list[dict[str, Any]]]:
    """What an archive keeps of these runs of one DAG, by table; what is encrypted is not among it."""
    uids = [run.uid for run in runs]
    of_runs = _i.uid.in_(sa.select(_i.uid).where(_i.run_uid.in_(listed("runs"))))
    asked: dict[str, sa.Select[Any]] = {
        "dag_run": sa.select(dag_run).where(_r.uid.in_(listed("runs"))).order_by(_r.run_after, _r.uid),
        "task_instance": sa.select(task_instance).where(_i.run_uid.in_(listed("runs"))).order_by(_i.uid),
        "task_event": sa.select(task_event)
        .join(task_instance, _i.uid == task_event.c.instance_uid)
        .where(of_runs)
        .order_by(task_event.c.id),
        "task_error": sa.select(task_error)
        .join(task_instance, _i.uid == task_error.c.instance_uid)
        .where(of_runs)
        .order_by(task_error.c.instance_uid, task_error.c.epoch),
        "task_instance_note": sa.select(task_instance_note)
        .join(task_instance, _i.uid == task_instance_note.c.instance_uid)
        .where(of_runs),
        "xcom": sa.select(xcom).where(xcom.c.dag_id == _DAG, xcom.c.run_id.in_(listed("run_ids"))),
    }
    given = {"runs": uids, "dag": runs[0].dag_id, "run_ids": [run.run_id for run in runs]}
    return {name: [dict(row) for row in tx.conn.execute(query, given).mappings()] for name, query in asked.items()}


# --- other tables

#: Tables beside those of runs, and what is old in each.
OTHERS = {
    "log": (log, log.c.id, log.c.dttm),
    "session": (session, session.c.uid, session.c.ended_at),
    "backfill": (backfill, backfill.c.id, backfill.c.completed_at),
    "asset_event": (asset_event, asset_event.c.uid, asset_event.c.timestamp),
    "asset_watcher": (
        asset_watcher,
        asset_watcher.c.uid,
        sa.func.coalesce(asset_watcher.c.last_event_at, asset_watcher.c.created_at),
    ),
}
#: What keeps old rows: an event that a DAG still waits with, or that a run has; a DAG of a watcher, paused or not.
_NEEDED = {
    "asset_event": sa.exists().where(
        asset_delivery.c.event_uid == asset_event.c.uid, sa.not_(asset_delivery.c.passed_over)
    ),
    "asset_watcher": sa.exists().where(
        asset_watcher_dag.c.watcher_uid == asset_watcher.c.uid,
        dag.c.dag_id == asset_watcher_dag.c.dag_id,
        dag.c.is_active,
    ),
}


def delete_others(tx: Tx, table: str, before: datetime, limit: int) -> int:
    """Delete rows of one of :data:`OTHERS` that are older, the oldest first; how many went."""
    of, key, at = OTHERS[table]
    old = sa.select(key).where(at < before, *_unless_needed(table)).order_by(key).limit(limit)
    return tx.conn.execute(sa.delete(of).where(key.in_(old.scalar_subquery()))).rowcount


def count_others(tx: Tx, table: str, before: datetime) -> int:
    """How many rows :func:`delete_others` would delete in all."""
    of, _, at = OTHERS[table]
    return tx.conn.execute(
        sa.select(sa.func.count()).select_from(of).where(at < before, *_unless_needed(table))
    ).scalar_one()


def _unless_needed(table: str) -> list[sa.ColumnElement[bool]]:
    return [~_NEEDED[table]] if table in _NEEDED else []


_unused = sa.select(dag_version.c.uid).where(
    dag_version.c.dag_id == _DAG,
    ~sa.exists().where(dag.c.version_uid == dag_version.c.uid).correlate(dag_version),
    ~sa.exists().where(_r.version_uid == dag_version.c.uid).correlate(dag_version),
)


def unused_versions(tx: Tx, dag_id: str) -> list[str]:
    """Versions of a DAG that are neither its newest nor that of a run. Reads ``ix_dag_run_version``."""
    return list(tx.conn.execute(_unused, {"dag": dag_id}).scalars())


def delete_versions(tx: Tx, dag_id: str) -> int:
    """Delete what :func:`unused_versions` finds."""
    return tx.conn.execute(sa.delete(dag_version).where(dag_version.c.uid.in_(_unused)), {"dag": dag_id}).rowcount
