"""DAGs: what is known of them and when they run next."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from bide.model.dag_spec import DagSpec
from bide.model.timetables import Interval
from bide.store import watchers
from bide.store.database import Tx
from bide.store.rowset import listed
from bide.store.schema import dag, dag_run


class DagRow(NamedTuple):
    """One DAG, as commands and duties need it."""

    dag_id: str
    fileloc: str
    folder: str
    version_uid: str
    is_paused: bool
    is_active: bool
    max_active_runs: int
    next_run_at: datetime | None
    next_interval_start: datetime | None
    next_interval_end: datetime | None
    #: How its timetable names the next scheduled run; None: as usual.
    next_run_id: str | None

    @property
    def planned(self) -> Interval | None:
        """The data interval of its next scheduled run."""
        if self.next_interval_start is None or self.next_interval_end is None:
            return None
        return Interval(self.next_interval_start, self.next_interval_end)


_row = sa.select(*(dag.c[name] for name in DagRow._fields))


def find(tx: Tx, dag_id: str) -> DagRow | None:
    """The DAG `dag_id`, active or not."""
    row = tx.conn.execute(_row.where(dag.c.dag_id == dag_id)).one_or_none()
    return None if row is None else DagRow(*row)


def of_file(tx: Tx, path: str) -> list[DagRow]:
    """The active DAGs that the file `path` makes."""
    rows = tx.conn.execute(_row.where(dag.c.fileloc == path, dag.c.is_active))
    return [DagRow(*row) for row in rows]


def save(tx: Tx, spec: DagSpec, *, version_uid: str, is_paused: bool, known: bool) -> None:
    """Insert or update the row of `spec`; `is_paused` counts for a new one only."""
    values = {
        "fileloc": spec.file,
        "folder": spec.folder,
        "version_uid": version_uid,
        "is_active": True,
        "description": spec.description,
        "owners": spec.owner,
        "tags": list(spec.tags),
        "timetable_summary": spec.schedule.text,
        "max_active_runs": spec.max_active_runs,
        "max_active_tasks": spec.max_active_tasks,
        "last_parsed_at": tx.now,
    }
    if known:
        tx.conn.execute(sa.update(dag).where(dag.c.dag_id == spec.dag_id).values(values))
    else:
        tx.conn.execute(sa.insert(dag), {"dag_id": spec.dag_id, "is_paused": is_paused, **values})
    tx.ring("dags")


def set_next_run(
    tx: Tx,
    dag_id: str,
    interval: Interval | None,
    run_after: datetime | None = None,
    *,
    run_id: str | None = None,
) -> None:
    """Say when the next scheduled run is due; None for never.

    `run_after`: by default, the interval's end. `run_id`: None for the usual one.
    """
    tx.conn.execute(
        sa.update(dag)
        .where(dag.c.dag_id == dag_id)
        .values(
            next_run_at=None if interval is None else (run_after or interval.run_after),
            next_interval_start=None if interval is None else interval.start,
            next_interval_end=None if interval is None else interval.end,
            next_run_id=None if interval is None else run_id,
        )
    )


def planned_intervals(tx: Tx) -> dict[str, Interval]:
    """The data intervals of the runs to come, by DAG."""
    rows = tx.conn.execute(
        sa.select(dag.c.dag_id, dag.c.next_interval_start, dag.c.next_interval_end).where(
            dag.c.next_run_at.is_not(None)
        )
    )
    return {dag_id: Interval(start, end) for dag_id, start, end in rows}


def set_paused(tx: Tx, dag_id: str, paused: bool) -> bool:
    """Pause or unpause; False if there is no such DAG."""
    answer = tx.conn.execute(sa.update(dag).where(dag.c.dag_id == dag_id).values(is_paused=paused))
    watchers.follow_dags(tx, unpaused=None if paused else dag_id)
    tx.ring("dags")
    return answer.rowcount > 0


def deactivate(tx: Tx, dag_ids: Collection[str]) -> None:
    """The file no longer makes these: no new runs, the history stays."""
    if dag_ids:
        gone = sa.update(dag).where(dag.c.dag_id.in_(listed("gone"))).values(is_active=False, next_run_at=None)
        tx.conn.execute(gone, {"gone": dag_ids})
        watchers.follow_dags(tx)
        tx.ring("dags")


def due(tx: Tx, limit: int) -> list[DagRow]:
    """DAGs whose next scheduled run is due, the longest due first. Reads the partial index ``ix_dag_due``."""
    rows = tx.conn.execute(
        _row.where(dag.c.next_run_at <= tx.now, ~dag.c.is_paused, dag.c.is_active)
        .order_by(dag.c.next_run_at)
        .limit(limit)
    )
    return [DagRow(*row) for row in rows]


def next_due(tx: Tx) -> datetime | None:
    """When the next scheduled run of any DAG is due."""
    return tx.conn.execute(
        sa.select(sa.func.min(dag.c.next_run_at)).where(
            dag.c.next_run_at.is_not(None), ~dag.c.is_paused, dag.c.is_active
        )
    ).scalar_one()


def last_interval(tx: Tx, dag_id: str) -> Interval | None:
    """The data interval of the DAG's newest scheduled run."""
    row = tx.conn.execute(
        sa.select(dag_run.c.data_interval_start, dag_run.c.data_interval_end)
        .where(dag_run.c.dag_id == dag_id, dag_run.c.run_type == "scheduled")
        .order_by(dag_run.c.run_after.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else Interval(*row)
