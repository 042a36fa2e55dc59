"""End what is over its time: deferrals over their timeout, tasks over their ``execution_timeout``, whole runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from bide.control.accept_event import WaitEnding, end_waits
from bide.control.cancel_external import oblige, oblige_jobs
from bide.control.endings import Ending, end
from bide.control.time_out_runs import time_out_runs
from bide.engine.scheduler.duty import Next
from bide.engine.scheduler.scope import Scope
from bide.engine.task_log import TaskLog
from bide.model.dag_modules import shown
from bide.model.dag_spec import TaskSpec
from bide.model.states import TaskState
from bide.store import Store, Topic, Tx, instances, run_timeouts, runs, specs, waits
from bide.store.instances import InstanceRow
from bide.store.waits import WaitRow

_BATCH: Final = 200
#: A worker ends its task by itself at the deadline; the engine steps in this much later.
GRACE: Final = timedelta(seconds=0.5)


@dataclass(frozen=True, slots=True)
class EnforceDeadlines:
    """One absolute deadline per try, whatever state the task is in; one per deferral; one per run."""

    store: Store
    scope: Scope
    task_log: TaskLog
    name: ClassVar[str] = "enforce_deadlines"
    topics: ClassVar[tuple[Topic, ...]] = ("timers",)

    async def run(self) -> Next:
        """Fail what is overdue."""
        nearest = await self.store.read(self._nearest)
        if nearest is None or nearest > self.store.clock.now():
            return Next(due_at=nearest)
        ended, following = await self.store.write(self._work)
        await self.task_log.append(ended)
        return following

    def _nearest(self, tx: Tx) -> datetime | None:
        only = self.scope.only_run
        moments = (
            waits.next_deadline(tx, only),
            instances.next_deadline(tx, only),
            run_timeouts.next_deadline(tx, only),
        )
        known = [moment for moment in moments if moment is not None]
        return min(known) if known else None

    def _work(self, tx: Tx) -> tuple[dict[str, str], Next]:
        """Fail what is overdue; the answer has the error of each instance that failed."""
        only = self.scope.only_run
        late_runs = time_out_runs(tx, _BATCH, only)
        late_waits = waits.overdue(tx, _BATCH, only)
        ended = _time_out_waits(tx, late_waits)
        late = instances.overdue(tx, _BATCH, only)
        patient = [row for row in late if row.state is TaskState.RUNNING and _deadline(row) + GRACE > tx.now]
        kept = {row.uid for row in patient}
        ended |= _time_out_tasks(tx, [row for row in late if row.uid not in kept])
        if patient:
            return ended, Next(due_at=min(_deadline(row) for row in patient) + GRACE)
        return ended, Next(again=_BATCH in (late_runs, len(late_waits), len(late)), due_at=self._nearest(tx))


def _deadline(row: InstanceRow) -> datetime:
    if row.deadline is None:
        raise ValueError(f"instance {row.uid} has no deadline")
    return row.deadline


def _time_out_waits(tx: Tx, late: list[WaitRow]) -> dict[str, str]:
    owners = instances.get_many(tx, {row.instance_uid for row in late})
    tasks = _tasks(tx, list(owners.values()))
    pending = _with_parts(tx, late)
    oblige(tx, pending)
    over = {row.instance_uid for row in late if row.parent_uid is None}
    oblige_jobs(tx, [owner for uid, owner in owners.items() if uid in over], pending)
    errors: dict[str, str] = {}
    pairs: dict[bool, list[tuple[WaitRow, WaitEnding]]] = {True: [], False: []}
    for row in late:
        whose = "deferral" if row.parent_uid is None else f"wait {row.name}"
        error = f"the {whose}'s timeout{_of(_span(row))} is over, waiting {_what_for(row)}"
        errors[row.instance_uid] = error
        task = tasks.get(row.instance_uid)
        # A sensor whose time is over is not tried again.
        may_retry = task is None or not task.is_sensor
        pairs[may_retry].append((row, WaitEnding(row.uid, row.token, error=error)))
    for may_retry, group in pairs.items():
        end_waits(tx, group, by="timeout", may_retry=may_retry)
    return errors


def _what_for(row: WaitRow) -> str:
    what = row.subject or shown(row.classpath)
    return what if what.startswith("until ") else f"for {what}"


def _with_parts(tx: Tx, late: list[WaitRow]) -> list[WaitRow]:
    """`late`, and what those of them that are trees are made of."""
    trees = {row.instance_uid for row in late if row.needed is not None}
    if not trees:
        return late
    found = {row.uid: row for row in late}
    # A part comes after what it is a part of.
    for row in sorted(waits.of_instances(tx, trees), key=lambda row: row.uid):
        if row.parent_uid in found:
            found[row.uid] = row
    return list(found.values())


def _time_out_tasks(tx: Tx, late: list[InstanceRow]) -> dict[str, str]:
    pending = waits.of_instances(tx, [row.uid for row in late])
    oblige(tx, pending)
    tasks = _tasks(tx, late)
    errors: dict[str, str] = {}
    for row in late:
        task = tasks.get(row.uid)
        limit = None if task is None else task.execution_timeout
        errors[row.uid] = f"the task's execution_timeout{_of(limit)} is over; it was {row.state} then"
    endings = [
        Ending(row, row.epoch, "failed", errors[row.uid], in_wait=row.state is TaskState.DEFERRED, forced=True)
        for row in late
    ]
    moved = end(tx, endings, by="timeout")
    gone = {one.uid for one in moved}
    oblige_jobs(tx, [row for row in late if row.uid in gone], pending)
    waits.delete(tx, [row.uid for row in pending])
    if moved:
        tx.ring("cancels")
    return {one.uid: errors[one.uid] for one in moved}


def _tasks(tx: Tx, owners: list[InstanceRow]) -> dict[str, TaskSpec]:
    """What the run's version of the DAG says of these instances' tasks, by the instance's uid."""
    run_rows = runs.get_many(tx, list({owner.run_uid for owner in owners}))
    found: dict[str, TaskSpec] = {}
    for owner in owners:
        task = specs.structure_of(tx, run_rows[owner.run_uid].version_uid).tasks.get(owner.task_id)
        if task is not None:
            found[owner.uid] = task
    return found


def _span(row: WaitRow) -> float | None:
    return None if row.deadline is None else (row.deadline - row.armed_at).total_seconds()


def _of(seconds: float | None) -> str:
    return "" if seconds is None else f" of {round(seconds, 3 if seconds < 1 else 1):.10g} s"
