"""Backfills for people: how far they are, and what came of each date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import sqlalchemy as sa

from bide.store.backfills import BackfillRow
from bide.store.database import Tx
from bide.store.rowset import Integer, listed
from bide.store.schema import backfill, backfill_dag_run, dag_run
from bide.store.views import FIRST_PAGE, Page

#: What a date may be beside the states of its run: it had no turn yet, got no run, will get none since the backfill
#: was cancelled, or its run was deleted since.
PLANNED: Final = "planned"
LEFT_OUT: Final = "left_out"
CANCELLED: Final = "cancelled"
DELETED: Final = "deleted"
#: Dates of which nothing more is to come.
OVER: Final = ("success", "failed", LEFT_OUT, CANCELLED, DELETED)
#: All that dates may be, in the order in which they become it.
DATE_STATES: Final = (PLANNED, "queued", "running", *OVER)


class BackfillView(NamedTuple):
    """A backfill, and how many of its dates are what; those of which there are none are left out."""

    row: BackfillRow
    counts: dict[str, int]

    @property
    def done(self) -> int:
        """Dates of which nothing more is to come."""
        return sum(self.counts.get(name, 0) for name in OVER)


class DateView(NamedTuple):
    """What came of one date."""

    logical_date: datetime
    data_interval_start: datetime
    data_interval_end: datetime
    run_id: str | None
    #: One of :data:`DATE_STATES`.
    state: str
    #: Why it got no run.
    reason: str | None


_d, _b = backfill_dag_run.c, backfill.c
_state = sa.case(
    (dag_run.c.state.is_not(None), dag_run.c.state),
    (_d.exception_reason.is_not(None), sa.literal_column(f"'{LEFT_OUT}'", sa.String)),
    (_d.run_uid.is_not(None), sa.literal_column(f"'{DELETED}'", sa.String)),
    (_b.is_cancelled, sa.literal_column(f"'{CANCELLED}'", sa.String)),
    else_=sa.literal_column(f"'{PLANNED}'", sa.String),
).label("state")
_joined = backfill_dag_run.join(backfill, _b.id == _d.backfill_id).outerjoin(dag_run, dag_run.c.uid == _d.run_uid)
_counts = (
    sa.select(_d.backfill_id, _state, sa.func.count())
    .select_from(_joined)
    .where(_d.backfill_id.in_(listed("ids", Integer)))
    .group_by(_d.backfill_id, _state)
)
_dates = (
    sa.select(
        _d.logical_date, _d.data_interval_start, _d.data_interval_end, dag_run.c.run_id, _state, _d.exception_reason
    )
    .select_from(_joined)
    .where(_d.backfill_id == sa.bindparam("id"))
    .order_by(_d.sort_ordinal)
)
_backfills = sa.select(*(backfill.c[name] for name in BackfillRow._fields))


def list_backfills(
    tx: Tx, page: Page = FIRST_PAGE, *, dag_id: str | None = None, only_active: bool = False
) -> tuple[list[BackfillView], int]:
    """Backfills, the newest first, and how many there are in all."""
    query = _backfills if dag_id is None else _backfills.where(_b.dag_id == dag_id)
    if only_active:
        query = query.where(sa.text("backfill.completed_at IS NULL"))
    total = tx.conn.execute(sa.select(sa.func.count()).select_from(query.subquery())).scalar_one()
    rows = tx.conn.execute(query.order_by(_b.id.desc()).limit(page.limit).offset(page.offset))
    return _counted(tx, [BackfillRow(*row) for row in rows]), total


def view_backfill(tx: Tx, number: int) -> BackfillView | None:
    """One backfill."""
    row = tx.conn.execute(_backfills.where(_b.id == number)).one_or_none()
    return None if row is None else _counted(tx, [BackfillRow(*row)])[0]


def list_dates(tx: Tx, number: int) -> list[DateView]:
    """What came of the dates of a backfill, in the order of their turns."""
    return [DateView(*row) for row in tx.conn.execute(_dates, {"id": number})]


def _counted(tx: Tx, rows: Sequence[BackfillRow]) -> list[BackfillView]:
    found: dict[int, dict[str, int]] = {row.id: {} for row in rows}
    for number, state, count in tx.conn.execute(_counts, {"ids": [row.id for row in rows]}) if rows else ():
        found[number][state] = count
    return [BackfillView(row, found[row.id]) for row in rows]
