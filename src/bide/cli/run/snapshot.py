"""A run as it is in the store at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bide.cli.run.picture import RunPicture, TaskPicture, WaitPicture
from bide.cli.task_rows import in_order
from bide.model.errors import NotFound
from bide.model.states import RunState, TaskState
from bide.store import Tx
from bide.store.views import EVERYTHING, RunView, WaitView, get_run, list_waits


def load_picture(
    tx: Tx, dag_id: str, run_id: str, *, with_tasks: bool = True, looks: Mapping[str, datetime] | None = None
) -> RunPicture:
    """The run and, unless `with_tasks` is false, its tasks in the order in which they run.

    `looks` says when polls are looked at next, by wait id. Raises :class:`NotFound`.
    """
    run = get_run(tx, dag_id, run_id)
    if run is None:
        raise NotFound(f"DAG {dag_id!r} has no run {run_id!r}")
    tasks = _tasks(tx, run, looks or {}) if with_tasks else ()
    return RunPicture(
        dag_id=run.dag_id,
        run_id=run.run_id,
        state=RunState(run.state),
        tasks=tasks,
        logical_date=run.logical_date,
        start=run.start_date,
        end=run.end_date,
        reason=run.reason,
    )


def _tasks(tx: Tx, run: RunView, looks: Mapping[str, datetime]) -> tuple[TaskPicture, ...]:
    waits, _ = list_waits(tx, EVERYTHING, dag_id=run.dag_id, run_id=run.run_id)
    by_task = {(wait.task_id, wait.map_index): wait for wait in waits}
    return tuple(
        TaskPicture(
            task_id=row.task_id,
            map_index=row.map_index,
            state=TaskState(row.state),
            try_number=row.try_number,
            tries_allowed=row.max_tries + 1,
            start=row.start_date,
            end=row.end_date,
            due_at=row.due_at,
            wait=None if wait is None else _wait(wait, looks.get(wait.uid)),
            error=row.error,
        )
        for row in in_order(tx, run)
        for wait in [by_task.get((row.task_id, row.map_index))]
    )


def _wait(row: WaitView, next_look: datetime | None) -> WaitPicture:
    ends = [end for end in (row.deadline, row.task_deadline) if end is not None]
    return WaitPicture(
        subject=row.subject,
        kind=row.kind,
        since=row.armed_at,
        until=min(ends, default=None),
        due_at=row.due_at,
        next_look=next_look,
    )
