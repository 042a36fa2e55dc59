"""What callbacks for missed deadlines are told."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from bide.store import Tx, deadlines, runs
from bide.store.callback_requests import CallbackRow
from bide.wire.deadline_messages import Blocking, Missed

#: Instances that a callback is told of as not having succeeded.
_MOST_BLOCKING: Final = 1000


def missed_of(tx: Tx, request: CallbackRow) -> tuple[tuple[Missed, ...], tuple[Blocking, ...]]:
    """What a request for missed deadlines tells of, and which instances have not succeeded."""
    rows = deadlines.of_request(tx, request.uid)
    run_rows = runs.get_many(tx, list({row.run_uid for row in rows}))
    missed = tuple(
        Missed(
            id=row.uid,
            task_id=row.task_id,
            number=row.number,
            name=row.name,
            run_id=run_rows[row.run_uid].run_id,
            logical_date=_iso(run_rows[row.run_uid].logical_date),
            due_at=row.due_at.isoformat(),
            missed_at=_iso(row.missed_at),
        )
        for row in rows
    )
    if request.event != "sla_miss":
        return missed, ()
    blocking = tuple(
        Blocking(
            task_id=row.task_id,
            map_index=row.map_index,
            run_id=run_rows[row.run_uid].run_id,
            logical_date=_iso(run_rows[row.run_uid].logical_date),
            state=row.state,
            try_number=row.try_number,
            start_date=_iso(row.start_date),
        )
        for row in deadlines.blocking(tx, set(run_rows), _MOST_BLOCKING)
    )
    return missed, blocking


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
