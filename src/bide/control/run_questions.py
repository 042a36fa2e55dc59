"""What code of tasks and triggers asks about runs and task instances, its own and others."""

from __future__ import annotations

from datetime import datetime

from bide.control.start_tasks import run_info
from bide.control.watch_runs import tasks_of_group
from bide.store import Tx, asked_runs, specs
from bide.store.asked_runs import AskedRuns, InstanceSeen
from bide.store.runs import RunRow
from bide.wire.other_runs import (
    MOST_RUNS,
    AskInstances,
    AskRuns,
    EarlierRun,
    InstancesFound,
    RunsFound,
    SeenInstance,
)


def find_runs(tx: Tx, asked: AskRuns) -> RunsFound:
    """The runs that fit."""
    found = _runs(tx, asked)
    return RunsFound(tuple(EarlierRun(run_info(run), run.state.value, _iso(ended)) for run, ended in found))


def find_instances(tx: Tx, asked: AskInstances) -> InstancesFound:
    """The instances that fit; of a group those that the newest of the runs has in it."""
    runs = [run for run, _ in _runs(tx, asked.runs)]
    task_ids = asked.task_ids
    if asked.group_id is not None and runs:
        inside = tasks_of_group(specs.structure_of(tx, runs[0].version_uid), asked.group_id)
        task_ids = tuple(inside if task_ids is None else set(inside) & set(task_ids))
    rows = asked_runs.instances_of(
        tx, [run.uid for run in runs], task_ids=task_ids, map_index=asked.map_index, states=asked.states
    )
    by_uid = {run.uid: run for run in runs}
    return InstancesFound(tuple(_seen(row, by_uid[row.run_uid]) for row in rows))


def _runs(tx: Tx, asked: AskRuns) -> list[tuple[RunRow, datetime | None]]:
    return asked_runs.asked_runs(tx, _asked(asked), min(asked.limit, MOST_RUNS))


def _asked(asked: AskRuns) -> AskedRuns:
    dates = asked.logical_dates
    return AskedRuns(
        dag_id=asked.dag_id,
        run_ids=asked.run_ids,
        logical_dates=None if dates is None else [datetime.fromisoformat(date) for date in dates],
        first=_moment(asked.first),
        last=_moment(asked.last),
        states=asked.states,
        run_types=asked.run_types,
    )


def _seen(row: InstanceSeen, run: RunRow) -> SeenInstance:
    return SeenInstance(
        run_id=row.run_id,
        task_id=row.task_id,
        map_index=row.map_index,
        state=row.state,
        try_number=row.try_number,
        max_tries=row.max_tries,
        operator=row.operator,
        queue=row.queue,
        pool=row.pool,
        pool_slots=row.pool_slots,
        priority_weight=row.priority_weight,
        logical_date=_iso(run.logical_date),
        queued_at=_iso(row.queued_at),
        start_date=_iso(row.start_date),
        end_date=_iso(row.end_date),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
