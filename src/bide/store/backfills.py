"""Backfills, and the dates of each in the order in which they have their turns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from bide.model.backfills import BackfillState
from bide.model.states import RunState
from bide.model.timetables import Interval
from bide.store.database import Tx
from bide.store.schema import UtcTime, backfill, backfill_dag_run, dag_run


class BackfillRow(NamedTuple):
    """One backfill."""

    id: int
    dag_id: str
    from_date: datetime
    to_date: datetime
    reprocess_behavior: str
    only_failed: bool
    run_backwards: bool
    #: At once; None for as many as its DAG allows.
    max_active_runs: int | None
    conf: bytes
    #: How many dates it has, and how many of them had their turn.
    total: int
    made: int
    is_paused: bool
    is_cancelled: bool
    created_at: datetime
    triggered_by: str
    updated_at: datetime
    completed_at: datetime | None

    @property
    def state(self) -> BackfillState:
        """How far it is."""
        if self.completed_at is not None:
            return BackfillState.CANCELLED if self.is_cancelled else BackfillState.COMPLETED
        return BackfillState.PAUSED if self.is_paused else BackfillState.RUNNING


class DateRow(NamedTuple):
    """One date of a backfill that had no turn yet."""

    position: int
    interval: Interval
    logical_date: datetime


class ExistingRun(NamedTuple):
    """The newest run of a logical date."""

    uid: str
    run_id: str
    state: RunState


_select = sa.select(*(backfill.c[name] for name in BackfillRow._fields))
_active = _select.where(sa.text("backfill.completed_at IS NULL")).order_by(backfill.c.dag_id)
_active_locked = _active.with_for_update()
_by_id = _select.where(backfill.c.id == sa.bindparam("id"))


def insert(tx: Tx, row: BackfillRow, dates: Sequence[tuple[datetime, Interval]]) -> int:
    """Store a backfill with its dates, in the order of their turns; its id, which `row` has not."""
    values = {name: value for name, value in row._asdict().items() if name != "id"}
    made = tx.conn.execute(sa.insert(backfill).values(**values, turn=0.0).returning(backfill.c.id)).scalar_one()
    tx.conn.execute(
        sa.insert(backfill_dag_run),
        [
            {
                "backfill_id": made,
                "sort_ordinal": position,
                "logical_date": logical_date,
                "data_interval_start": interval.start,
                "data_interval_end": interval.end,
            }
            for position, (logical_date, interval) in enumerate(dates)
        ],
    )
    tx.ring("backfills", "history")
    return made


def get(tx: Tx, number: int) -> BackfillRow | None:
    """One backfill."""
    row = tx.conn.execute(_by_id, {"id": number}).one_or_none()
    return None if row is None else BackfillRow(*row)


def lock(tx: Tx, number: int) -> BackfillRow | None:
    """One backfill, which nobody else changes until the end of the transaction."""
    row = tx.conn.execute(_by_id.with_for_update(), {"id": number}).one_or_none()
    return None if row is None else BackfillRow(*row)


def active(tx: Tx, *, locked: bool = False) -> list[BackfillRow]:
    """Those that are not over, paused or not; nobody changes those `locked`. Reads ``ix_backfill_active``."""
    return [BackfillRow(*row) for row in tx.conn.execute(_active_locked if locked else _active)]


def change(tx: Tx, number: int, **values: Any) -> None:
    """Set columns of a backfill."""
    tx.conn.execute(sa.update(backfill).where(backfill.c.id == number).values(updated_at=tx.now, **values))
    # Runs that it held may start.
    tx.ring("backfills", "runs", "history")


_set_turn = (
    sa.update(backfill)
    .where(backfill.c.dag_id == sa.bindparam("dag"), sa.text("backfill.completed_at IS NULL"))
    .values(turn=sa.bindparam("owed"))
)


def set_turns(tx: Tx, turns: Mapping[str, float]) -> None:
    """Keep what backfills are owed, by DAG."""
    if turns:
        tx.conn.execute(_set_turn, [{"dag": dag_id, "owed": turn} for dag_id, turn in turns.items()])


_dates = (
    sa.select(
        backfill_dag_run.c.sort_ordinal,
        backfill_dag_run.c.data_interval_start,
        backfill_dag_run.c.data_interval_end,
        backfill_dag_run.c.logical_date,
    )
    .where(
        backfill_dag_run.c.backfill_id == sa.bindparam("id"),
        backfill_dag_run.c.sort_ordinal >= sa.bindparam("first"),
    )
    .order_by(backfill_dag_run.c.sort_ordinal)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)


def next_dates(tx: Tx, row: BackfillRow, limit: int) -> list[DateRow]:
    """The dates whose turn it is."""
    rows = tx.conn.execute(_dates, {"id": row.id, "first": row.made, "limit": limit})
    return [DateRow(position, Interval(start, end), at) for position, start, end, at in rows]


_set_run = (
    sa.update(backfill_dag_run)
    .where(
        backfill_dag_run.c.backfill_id == sa.bindparam("of"),
        backfill_dag_run.c.sort_ordinal == sa.bindparam("position"),
    )
    .values(run_uid=sa.bindparam("run"), exception_reason=sa.bindparam("reason"))
)


class Came(NamedTuple):
    """What came of a date: the run that it has got, or why it has none."""

    run_uid: str | None
    reason: str | None = None


def set_runs(tx: Tx, row: BackfillRow, came: Sequence[tuple[DateRow, Came]]) -> None:
    """Say what came of each of these dates."""
    given = [{"of": row.id, "position": one.position, "run": run, "reason": why} for one, (run, why) in came]
    tx.conn.execute(_set_run, given)
    made = came[-1][0].position + 1
    tx.conn.execute(sa.update(backfill).where(backfill.c.id == row.id).values(made=made, updated_at=tx.now))
    tx.ring("history")


_unfinished = sa.select(dag_run.c.run_id).where(
    sa.text("dag_run.state IN ('queued', 'running')"),
    dag_run.c.dag_id == sa.bindparam("dag"),
    dag_run.c.backfill_id == sa.bindparam("id"),
)


def unfinished_runs(tx: Tx, row: BackfillRow, *, only_queued: bool = False) -> list[str]:
    """Ids of its runs that have not ended, or have not started. Reads ``ix_dag_run_unfinished``."""
    asked = _unfinished.where(dag_run.c.state == RunState.QUEUED.value) if only_queued else _unfinished
    return list(tx.conn.execute(asked, {"dag": row.dag_id, "id": row.id}).scalars())


_count_unfinished = _unfinished.with_only_columns(sa.func.count())


def count_unfinished(tx: Tx, row: BackfillRow) -> int:
    """How many of its runs have not ended. Reads ``ix_dag_run_unfinished``."""
    return tx.conn.execute(_count_unfinished, {"dag": row.dag_id, "id": row.id}).scalar_one()


_existing = (
    sa.select(dag_run.c.logical_date, dag_run.c.uid, dag_run.c.run_id, dag_run.c.state)
    .where(
        dag_run.c.dag_id == sa.bindparam("dag"),
        dag_run.c.logical_date.between(sa.bindparam("first", type_=UtcTime), sa.bindparam("last", type_=UtcTime)),
    )
    .order_by(dag_run.c.logical_date, dag_run.c.uid)
)


def existing_runs(tx: Tx, dag_id: str, dates: Collection[datetime]) -> dict[datetime, ExistingRun]:
    """The newest run of each of these logical dates that has one. Reads ``ix_dag_run_logical_date``."""
    if not dates:
        return {}
    wanted = set(dates)
    rows = tx.conn.execute(_existing, {"dag": dag_id, "first": min(wanted), "last": max(wanted)})
    return {at: ExistingRun(uid, run_id, RunState(state)) for at, uid, run_id, state in rows if at in wanted}


_adopt = sa.update(dag_run).where(dag_run.c.uid == sa.bindparam("run"))


def adopt(tx: Tx, run_uid: str, number: int, conf: bytes | None) -> None:
    """Say that a backfill has a run run again, with another `conf` if one is given."""
    values: dict[str, Any] = {"backfill_id": number} if conf is None else {"backfill_id": number, "conf": conf}
    tx.conn.execute(_adopt.values(**values), {"run": run_uid})
