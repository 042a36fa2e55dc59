"""Go on with backfills: give the next dates their runs, and end those that have none left."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final, NamedTuple

from bide.control.clear_tasks import clear_run
from bide.control.create_run import NewRun, make_runs, taken
from bide.model.backfills import Reprocess, Step, most_at_once, room_to_make, step_of
from bide.model.errors import Conflict
from bide.model.run_types import RunType
from bide.model.selection import TaskChoice
from bide.store import Tx, backfills, dags
from bide.store.backfills import BackfillRow, Came, DateRow, ExistingRun
from bide.store.dags import DagRow

#: Dates that one transaction deals with.
_BATCH: Final = 50


def has_turn(tx: Tx, row: BackfillRow) -> bool:
    """Whether there is something for :func:`go_on` to do."""
    return _room(tx, row, dags.find(tx, row.dag_id)) is not None


def go_on(tx: Tx, row: BackfillRow) -> bool:
    """Make as many runs of a backfill as there is room for; True if there are more to be made at once."""
    found = dags.find(tx, row.dag_id)
    room = _room(tx, row, found)
    if found is None or room is None:
        return False
    dates = backfills.next_dates(tx, row, _BATCH)
    if not dates:
        if room.under_way == 0:
            backfills.change(tx, row.id, completed_at=tx.now)
        return False
    came = _take_turns(tx, found, row, dates, room.number)
    if came:
        backfills.set_runs(tx, row, list(zip(dates, came, strict=False)))
    # With room left the next dates have their turn; where these were the last, there may be nothing to wait for.
    return len(came) == len(dates) and sum(one.run_uid is not None for one in came) < room.number


class _Room(NamedTuple):
    #: Runs that may be made.
    number: int
    #: Runs that have not ended.
    under_way: int


def _room(tx: Tx, row: BackfillRow, found: DagRow | None) -> _Room | None:
    """For how many runs there is room; None if nothing is to be done about the backfill now."""
    if row.is_paused or found is None or not found.is_active:
        return None
    under_way = backfills.count_unfinished(tx, row)
    if row.made == row.total:
        return None if under_way else _Room(0, 0)
    room = room_to_make(most_at_once(row.max_active_runs, found.max_active_runs), under_way)
    return _Room(room, under_way) if room else None


def _take_turns(tx: Tx, found: DagRow, row: BackfillRow, dates: Sequence[DateRow], room: int) -> list[Came]:
    """What comes of the first of these dates: of as many as there is room for the runs of."""
    existing = backfills.existing_runs(tx, row.dag_id, [one.logical_date for one in dates])
    came: list[Came | None] = []
    new: dict[int, NewRun] = {}
    for position, one in enumerate(dates):
        if room <= 0:
            break
        has = existing.get(one.logical_date)
        step = step_of(None if has is None else has.state, Reprocess(row.reprocess_behavior))
        if step is Step.MAKE:
            run_id = f"{RunType.BACKFILL_JOB}__{one.logical_date.isoformat()}"
            new[position] = NewRun(run_id, one.logical_date, one.interval, tx.now)
            came.append(None)
            room -= 1
            continue
        what = _run_again(tx, row, has) if step is Step.AGAIN and has is not None else Came(None, step.value)
        came.append(what)
        room -= what.run_uid is not None
    made = dict(zip(new, _make(tx, found, row, list(new.values())), strict=True))
    return [made[position] if what is None else what for position, what in enumerate(came)]


def _run_again(tx: Tx, row: BackfillRow, has: ExistingRun) -> Came:
    choice = TaskChoice(only_failed=row.only_failed)
    plan = clear_run(tx, row.dag_id, has.run_id, choice, by=_name(row))
    if not plan.changes:
        return Came(None, "none of its tasks has failed")
    backfills.adopt(tx, has.uid, row.id, None if row.conf == b"{}" else row.conf)
    return Came(has.uid)


def _make(tx: Tx, found: DagRow, row: BackfillRow, new: Sequence[NewRun]) -> list[Came]:
    if not new:
        return []
    conf, by = json.loads(row.conf), _name(row)
    try:
        made = make_runs(tx, found, new, run_type=RunType.BACKFILL_JOB.value, conf=conf, by=by, backfill_id=row.id)
    except Conflict as error:
        # The DAG was changed since the backfill was asked for.
        return [Came(None, str(error))] * len(new)
    return [
        Came(None, taken(row.dag_id, one.run_id)) if run is None else Came(run.uid)
        for one, run in zip(new, made, strict=True)
    ]


def _name(row: BackfillRow) -> str:
    return f"backfill {row.id}"
