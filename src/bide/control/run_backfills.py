"""Go on with backfills: give the next dates their runs, and end those that have none left."""

from __future__ import annotations

import json
from typing import Final, NamedTuple

from bide.control.clear_tasks import clear_run
from bide.control.create_run import make_run
from bide.model.backfills import Reprocess, Step, most_at_once, most_made, step_of
from bide.model.errors import Conflict
from bide.model.run_types import RunType
from bide.model.selection import TaskChoice
from bide.store import Tx, backfills, dags
from bide.store.backfills import BackfillRow, DateRow, ExistingRun
from bide.store.dags import DagRow

#: Dates that one transaction deals with.
_BATCH: Final = 50


class _Came(NamedTuple):
    """What came of a date: the run that it has got, or why it has none."""

    run_uid: str | None
    reason: str | None = None


def go_on(tx: Tx, row: BackfillRow) -> bool:
    """Make as many runs of a backfill as there is room for; True if there are more to be made at once."""
    found = dags.find(tx, row.dag_id)
    if row.is_paused or found is None or not found.is_active:
        return False
    under_way = len(backfills.unfinished_runs(tx, row))
    dates = backfills.next_dates(tx, row, _BATCH)
    if not dates:
        if not under_way:
            backfills.change(tx, row.id, completed_at=tx.now)
        return False
    room = most_made(most_at_once(row.max_active_runs, found.max_active_runs)) - under_way
    existing = backfills.existing_runs(tx, row.dag_id, [one.logical_date for one in dates])
    came: list[tuple[DateRow, str | None, str | None]] = []
    for one in dates:
        if room <= 0:
            break
        run_uid, reason = _turn_of(tx, found, row, one, existing.get(one.logical_date))
        came.append((one, run_uid, reason))
        room -= run_uid is not None
    if came:
        backfills.set_runs(tx, row, came)
    # With room left the next dates have their turn; where these were the last, there may be nothing to wait for.
    return room > 0


def _turn_of(tx: Tx, found: DagRow, row: BackfillRow, one: DateRow, has: ExistingRun | None) -> _Came:
    step = step_of(None if has is None else has.state, Reprocess(row.reprocess_behavior))
    by = f"backfill {row.id}"
    if step is Step.AGAIN and has is not None:
        plan = clear_run(tx, row.dag_id, has.run_id, TaskChoice(only_failed=row.only_failed), by=by)
        if not plan.changes:
            return _Came(None, "none of its tasks has failed")
        backfills.adopt(tx, has.uid, row.id, None if row.conf == b"{}" else row.conf)
        return _Came(has.uid)
    if step is not Step.MAKE:
        return _Came(None, step.value)
    run_id = f"{RunType.BACKFILL_JOB}__{one.logical_date.isoformat()}"
    try:
        run = make_run(
            tx,
            found,
            run_id=run_id,
            run_type=RunType.BACKFILL_JOB.value,
            logical_date=one.logical_date,
            interval=one.interval,
            run_after=tx.now,
            conf=json.loads(row.conf),
            by=by,
            backfill_id=row.id,
        )
    except Conflict as error:
        # The DAG was changed since the backfill was asked for.
        return _Came(None, str(error))
    return _Came(run.uid)
