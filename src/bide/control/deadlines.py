"""Deadlines of runs and their tasks: set when a run is made, looked at when they are due.

Nothing is written while they are kept. One that is missed stays as a row, and a callback request tells of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from bide.control.ending_callbacks import request_for
from bide.model.dag_spec import DagSpec
from bide.model.deadlines import FROM_START, DeadlineSpec, due_moment, is_met
from bide.model.errors import InvalidArgument
from bide.model.moments import later
from bide.store import Tx, deadlines, runs, specs
from bide.store.deadlines import DeadlineRow
from bide.store.ids import new_id
from bide.store.runs import RunRow
from bide.wire.callback_messages import CallbackEvent
from bide.wire.deadline_messages import SetDeadline


def set_deadlines(tx: Tx, made: Sequence[RunRow], spec: DagSpec) -> None:
    """Note by when runs that were just made, and their tasks, should have ended."""
    deadlines.insert(tx, [row for run in made for row in (*_of_tasks(tx, run, spec), *_of_run(tx, run, spec))])
    for run in made:
        _have_computed(tx, run, spec)


def set_anew(tx: Tx, run_uid: str) -> None:
    """A run that had ended begins again: so do its deadlines that count from its beginning.

    Those that were missed stay as such, and what is still to come is replaced.
    """
    run = runs.get_many(tx, [run_uid])[run_uid]
    spec = specs.structure_of(tx, run.version_uid).spec
    again = {n for n, one in enumerate(spec.deadlines) if one.reference in FROM_START and not one.is_computed}
    deadlines.withdraw(tx, run.uid, again)
    deadlines.insert(tx, [row for row in _of_run(tx, run, spec) if row.number in again])
    _have_computed(tx, run, spec)


def set_computed(tx: Tx, run_uid: str, told: SetDeadline) -> None:
    """Note a deadline of which the author's code has said what it is; again, if the run was cleared."""
    run = runs.get_many(tx, [run_uid])[run_uid]
    spec = specs.structure_of(tx, run.version_uid).spec
    if not 0 <= told.number < len(spec.deadlines):
        raise InvalidArgument(f"DAG {run.dag_id!r} has no deadline number {told.number}")
    one = msgspec.structs.replace(spec.deadlines[told.number], interval=told.interval)
    name = one.reference
    if told.base is not None:
        one = msgspec.structs.replace(one, reference="fixed", at=told.base)
    due_at = due_moment(
        one,
        logical_date=run.logical_date,
        queued_at=deadlines.queued_at(tx, run.uid),
        durations=_lately(tx, run, one),
    )
    deadlines.withdraw(tx, run.uid, {told.number})
    if due_at is not None:
        deadlines.insert(tx, [_row(tx, run, due_at, number=told.number, name=one.name, reference=name)])


def _have_computed(tx: Tx, run: RunRow, spec: DagSpec) -> None:
    if any(one.is_computed for one in spec.deadlines):
        request_for(tx, run, deadlines.first_instance(tx, run.uid, None), "set_deadlines")


def _of_tasks(tx: Tx, run: RunRow, spec: DagSpec) -> Iterator[DeadlineRow]:
    base = run.run_after if spec.sla_since == "run_after" else (run.logical_date or run.run_after)
    for task in spec.tasks:
        if task.sla is not None:
            yield _row(tx, run, later(base, task.sla), task_id=task.task_id, reference=spec.sla_since)


def _of_run(tx: Tx, run: RunRow, spec: DagSpec) -> Iterator[DeadlineRow]:
    for number, one in enumerate(spec.deadlines):
        if one.is_computed:
            continue
        lately = _lately(tx, run, one)
        due_at = due_moment(one, logical_date=run.logical_date, queued_at=tx.now, durations=lately)
        if due_at is not None:
            yield _row(tx, run, due_at, number=number, name=one.name, reference=one.reference)


def _lately(tx: Tx, run: RunRow, one: DeadlineSpec) -> list[float]:
    return deadlines.durations(tx, run.dag_id, one.max_runs) if one.reference == "average_runtime" else []


def _row(
    tx: Tx,
    run: RunRow,
    due_at: datetime,
    *,
    reference: str,
    task_id: str | None = None,
    number: int | None = None,
    name: str = "",
) -> DeadlineRow:
    return DeadlineRow(new_id(tx.now), run.dag_id, run.uid, task_id, number, name, reference, due_at)


def look_at_due(tx: Tx, due: Sequence[DeadlineRow]) -> list[DeadlineRow]:
    """Tell those that were met from those that were missed, which are the answer, and have the latter told."""
    tasks, whole = deadlines.task_progress(tx, due), deadlines.run_progress(tx, due)
    missed: list[DeadlineRow] = []
    for one in due:
        of_task = None if one.task_id is None else tasks.get((one.run_uid, one.task_id), [])
        if not is_met(one.due_at, [whole[one.run_uid]] if of_task is None else of_task):
            missed.append(one)
    uids = {one.uid for one in missed}
    deadlines.meet(tx, [one.uid for one in due if one.uid not in uids])
    _tell(tx, missed)
    return missed


def _tell(tx: Tx, missed: Sequence[DeadlineRow]) -> None:
    """One request for all missed ``sla=`` of a DAG, and one for each missed deadline of a run."""
    of_tasks: dict[str, list[DeadlineRow]] = {}
    told: list[tuple[str, str | None]] = []
    for one in missed:
        if one.task_id is not None:
            of_tasks.setdefault(one.dag_id, []).append(one)
        else:
            told.append((one.uid, _request(tx, one, "deadline")))
    for rows in of_tasks.values():
        request = _request(tx, rows[0], "sla_miss")
        told += [(row.uid, request) for row in rows]
    deadlines.miss(tx, told)


def _request(tx: Tx, one: DeadlineRow, event: CallbackEvent) -> str | None:
    """The callback request that tells of this; None if nobody wants to be told."""
    run = runs.get_many(tx, [one.run_uid])[one.run_uid]
    spec = specs.structure_of(tx, run.version_uid).spec
    if event == "sla_miss" and event not in spec.callbacks:
        return None
    return request_for(tx, run, deadlines.first_instance(tx, run.uid, one.task_id), event)
