"""Make a backfill: runs for the dates of a range, which the scheduler makes as there is room for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from bide.control.create_run import check_conf, encode_conf
from bide.model.backfills import Reprocess, Step, check_backfill, dates_between, in_turn, step_of
from bide.model.errors import Conflict, InvalidArgument, NotFound
from bide.model.timetables import Interval
from bide.store import Store, Tx, backfills, dags, sessions, specs
from bide.store.backfills import BackfillRow
from bide.store.dags import DagRow


@dataclass(frozen=True, slots=True)
class BackfillRequest:
    """What somebody asks for. Moments without a zone are meant in the zone of the DAG's schedule."""

    dag_id: str
    #: The first and the last moment that a logical date may be.
    from_date: datetime
    to_date: datetime
    reprocess: Reprocess = Reprocess.NONE
    #: Of runs that run again, only the tasks that failed, and what comes after them.
    only_failed: bool = False
    #: The newest date first.
    backwards: bool = False
    #: At once; None for as many as the DAG allows.
    max_active_runs: int | None = None
    conf: dict[str, Any] = field(default_factory=dict[str, Any])


class PlannedDate(NamedTuple):
    """One date, and what would be done about it now."""

    logical_date: datetime
    interval: Interval
    step: Step
    #: The run that it has.
    run_id: str | None


async def plan_backfill(store: Store, asked: BackfillRequest) -> list[PlannedDate]:
    """The dates in the order of their turns, and what would be done about each.

    Raises as :func:`create_backfill`.
    """
    return await store.read(lambda tx: _plan(tx, asked)[1])


async def create_backfill(store: Store, asked: BackfillRequest, *, by: str) -> BackfillRow:
    """Store a backfill, which the scheduler begins with at once.

    Raises :class:`NotFound` for an unknown DAG, :class:`Conflict` if it has a backfill that is not over, and
    :class:`InvalidArgument` for a range without dates and for what the DAG does not allow.
    """

    def work(tx: Tx) -> BackfillRow:
        found, planned = _plan(tx, asked)
        for other in backfills.active(tx):
            if other.dag_id == asked.dag_id:
                raise Conflict(
                    f"DAG {asked.dag_id!r} has backfill {other.id}, which is {other.state}: wait for its end, or "
                    f"cancel it (`bide backfill cancel {other.id}`)"
                )
        zone = _zone(tx, found)
        row = BackfillRow(
            id=0,
            dag_id=asked.dag_id,
            from_date=_in_zone(asked.from_date, zone),
            to_date=_in_zone(asked.to_date, zone),
            reprocess_behavior=asked.reprocess.value,
            only_failed=asked.only_failed,
            run_backwards=asked.backwards,
            max_active_runs=asked.max_active_runs,
            conf=encode_conf(asked.conf),
            total=len(planned),
            made=0,
            is_paused=False,
            is_cancelled=False,
            created_at=tx.now,
            triggered_by=by,
            updated_at=tx.now,
            completed_at=None,
        )
        number = backfills.insert(tx, row, [(one.logical_date, one.interval) for one in planned])
        extra = msgspec.json.encode({"backfill": number, "dates": len(planned)}).decode()
        sessions.audit(tx, "create_backfill", owner=by, dag_id=asked.dag_id, extra=extra)
        return row._replace(id=number)

    return await store.write(work)


def _plan(tx: Tx, asked: BackfillRequest) -> tuple[DagRow, list[PlannedDate]]:
    found = dags.find(tx, asked.dag_id)
    if found is None or not found.is_active:
        gone = "" if found is None else f" any more: {found.fileloc} no longer makes it"
        raise NotFound(f"there is no DAG {asked.dag_id!r}{gone}")
    if asked.max_active_runs is not None and asked.max_active_runs < 1:
        raise InvalidArgument(f"max_active_runs must be at least 1, not {asked.max_active_runs}")
    spec = specs.structure_of(tx, found.version_uid).spec
    check_backfill(spec, backwards=asked.backwards, only_failed=asked.only_failed, reprocess=asked.reprocess)
    check_conf(tx, found, asked.conf)
    zone = _zone(tx, found)
    first, last = _in_zone(asked.from_date, zone), _in_zone(asked.to_date, zone)
    intervals = in_turn(dates_between(spec.schedule, first, last, tx.now), backwards=asked.backwards)
    existing = backfills.existing_runs(tx, asked.dag_id, [one.start for one in intervals])
    planned: list[PlannedDate] = []
    for interval in intervals:
        has = existing.get(interval.start)
        step = step_of(None if has is None else has.state, asked.reprocess)
        planned.append(PlannedDate(interval.start, interval, step, None if has is None else has.run_id))
    return found, planned


def _zone(tx: Tx, found: DagRow) -> ZoneInfo:
    return ZoneInfo(specs.structure_of(tx, found.version_uid).spec.schedule.timezone)


def _in_zone(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
