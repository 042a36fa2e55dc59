"""Hand queued instances to workers."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from bide.control.claims import Claim
from bide.control.journals import load_journals
from bide.model.dag_spec import TaskSpec
from bide.model.ids import NOT_MAPPED
from bide.model.journal import RESUME_BY_REPLAY, JournalEntry
from bide.model.log_path import LogLayout, log_path
from bide.model.moments import later
from bide.model.states import TaskState
from bide.model.tries import WORKER_ON
from bide.store import Store, Tx, expansions, instances, sessions, specs, transitions, waits, xcoms
from bide.store.instances import InstanceRow
from bide.store.runs import RunRow
from bide.store.transitions import Guard
from bide.wire.messages import InstanceKey, MappedOver, Resume, RunInfo, RunTask, XComValue

#: Who begins tasks: workers run where their engine does.
_WORKER: Final = f"{WORKER_ON}{socket.gethostname()}"


async def start_tasks(store: Store, claims: Sequence[Claim], *, session: str, logs: LogLayout) -> list[RunTask]:
    """queued → running in one transaction; the answer has what each worker needs to run its task.

    Claims whose instance has moved on since it was queued are left out: a start that is delivered twice loses.
    """
    files = {claim.instance.id: claim for claim in claims}

    def work(tx: Tx) -> list[RunTask]:
        sessions.hold(tx, session)
        found = instances.with_runs(tx, files.keys()).values()
        run_rows = {run.uid: run for _, run in found}
        ready = [row for row, _ in found if row.state is TaskState.QUEUED and row.epoch == files[row.uid].epoch]
        orders = begin_segments(tx, "start", ready, run_rows, {"session": session}, logs)
        # Wherever the DAG may be by now: the worker was chosen by the file of the claim.
        return [msgspec.structs.replace(one, dag_file=files[one.instance.id].dag_file) for one in orders]

    return await store.write(work)


def begin_segments(
    tx: Tx,
    name: Literal["start", "start_at_once"],
    ready: Sequence[InstanceRow],
    run_rows: Mapping[str, RunRow],
    sets: Mapping[str, Any],
    logs: LogLayout,
) -> list[RunTask]:
    """Take instances through the transition `name` into ``running``; what each worker needs for those that went."""
    started: dict[str, tuple[InstanceRow, TaskSpec]] = {}
    guards: list[Guard] = []
    for row in ready:
        task = specs.structure_of(tx, run_rows[row.run_uid].version_uid).tasks[row.task_id]
        begun = row.start_date or tx.now
        deadline = row.deadline
        if deadline is None and task.execution_timeout is not None:
            left = task.execution_timeout if row.seconds_left is None else row.seconds_left
            deadline = later(tx.now, left)
        fresh = row._replace(start_date=begun, deadline=deadline, epoch=row.epoch + 1)
        started[row.uid] = (fresh, task)
        guards.append(Guard(row.uid, row.epoch, {**sets, "start_date": begun, "deadline": deadline}))
    moved = transitions.apply(tx, name, guards, by=_WORKER)
    went = [started[one.uid] for one in moved]
    resumes = waits.get_resumes(tx, [row.uid for row, _ in went if row.is_resume])
    if any(row.deadline is not None for row, _ in went):
        tx.ring("timers")
    journals = load_journals(tx, [row.uid for row, _ in went if _may_replay(row, resumes.get(row.uid))])
    for row, _ in went:
        if row.uid not in resumes:
            forget_earlier_try(tx, row)
    mapped = mapped_over(tx, [row for row, _ in went])
    return [
        run_order(
            tx,
            row,
            task,
            run_rows[row.run_uid],
            logs,
            resumes.get(row.uid),
            journals.get(row.uid, ()),
            mapped.get((row.run_uid, row.task_id)),
        )
        for row, task in went
    ]


def forget_earlier_try(tx: Tx, row: InstanceRow) -> None:
    """Remove the XComs that an earlier try of an instance has left."""
    if row.try_number > 1:
        xcoms.clear(tx, row.dag_id, row.run_id, row.task_id, row.map_index)


def run_order(
    tx: Tx,
    row: InstanceRow,
    task: TaskSpec,
    run: RunRow,
    logs: LogLayout,
    resume: waits.ResumeRow | None = None,
    journal: tuple[JournalEntry, ...] = (),
    mapped: MappedOver | None = None,
) -> RunTask:
    """All that a process needs to run an instance."""
    spec = specs.structure_of(tx, run.version_uid).spec
    return RunTask(
        instance=InstanceKey(row.uid, row.dag_id, row.run_id, row.task_id, row.map_index),
        epoch=row.epoch,
        try_number=row.try_number,
        max_tries=row.max_tries,
        dag_file=spec.file,
        dag_folder=spec.folder,
        dag_hash=specs.hash_of(tx, run.version_uid),
        run=run_info(run),
        log_path=str(log_path_of(row, run, logs)),
        started_at=(row.start_date or tx.now).timestamp(),
        deadline=None if row.deadline is None else row.deadline.timestamp(),
        execution_timeout=task.execution_timeout,
        resume=None if resume is None else Resume(resume.method, resume.kwargs, resume.event),
        xcoms=tuple(_read_ahead(tx, row, task)),
        journal=journal,
        mapped_over=mapped if row.map_index != NOT_MAPPED else None,
    )


def mapped_over(tx: Tx, rows: Sequence[InstanceRow]) -> dict[tuple[str, str], MappedOver]:
    """What the mapped tasks among these were expanded over, by (run uid, task id)."""
    owners = {(row.run_uid, row.task_id) for row in rows if row.map_index != NOT_MAPPED}
    if not owners:
        return {}
    known = expansions.get_many(tx, {run for run, _ in owners}, {task for _, task in owners})
    # One that is not mapped in the version of the DAG to which its run has moved has none.
    return {
        place: MappedOver(
            tuple(one.length for one in expansion.measures),
            tuple(one.instances for one in expansion.measures),
            tuple(one.stamp for one in expansion.measures),
        )
        for place, expansion in known.items()
    }


def _may_replay(row: InstanceRow, resume: waits.ResumeRow | None) -> bool:
    """Whether there may be a journal: most tasks start without a look for one."""
    if resume is not None:
        return resume.method == RESUME_BY_REPLAY
    return row.try_number > 1 or row.rescues > 0


def _read_ahead(tx: Tx, row: InstanceRow, task: TaskSpec) -> Iterable[XComValue]:
    """The XComs that the task's arguments name, so that it need not ask for them."""
    if not task.reads:
        return
    wanted = set(task.reads)
    tasks, keys = {task_id for task_id, _ in wanted}, {key for _, key in wanted}
    # Results of the own mapped group are those with the own index; others that are mapped are not sent along.
    found = xcoms.pull(tx, row.dag_id, row.run_id, tasks, keys, {row.map_index, NOT_MAPPED})
    for one in found:
        if (one.task_id, one.key) in wanted:
            yield XComValue(one.task_id, one.map_index, one.key, one.value)


def log_path_of(row: InstanceRow, run: RunRow, logs: LogLayout) -> Path:
    """The log file of the instance's current try."""
    return logs.root / log_path(
        row.dag_id,
        row.task_id,
        logical_date=None if run.shares_date else run.logical_date,
        run_id=row.run_id,
        map_index=row.map_index,
        try_number=row.try_number,
        template=logs.template,
    )


def run_info(run: RunRow) -> RunInfo:
    """What a task is told of a run."""
    return RunInfo(
        dag_id=run.dag_id,
        run_id=run.run_id,
        run_type=run.run_type,
        logical_date=_iso(run.logical_date),
        data_interval_start=_iso(run.data_interval_start),
        data_interval_end=_iso(run.data_interval_end),
        run_after=run.run_after.isoformat(),
        start_date=_iso(run.start_date),
        conf=run.conf,
    )


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
