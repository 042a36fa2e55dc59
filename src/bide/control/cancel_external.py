"""Cancel obligations: make them, lease them, and take note of how an attempt went."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from bide.control.claim_waits import loads_for_obligations
from bide.model.dag_spec import TaskSpec
from bide.model.log_path import LogLayout
from bide.store import Store, Tx, instances, obligations, runs, sessions, specs, task_states
from bide.store.ids import new_id
from bide.store.waits import WaitRow
from bide.wire.messages import RunOnKill

#: Seconds before the second attempt; each further pause is twice as long, up to the longest.
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0


class JobOwner(Protocol):
    """A task instance that may have a job."""

    @property
    def uid(self) -> str: ...
    @property
    def run_uid(self) -> str: ...
    @property
    def epoch(self) -> int: ...


#: Stands for a task that its run's version of the DAG has no more.
_GONE = TaskSpec("")


def oblige(tx: Tx, ended: Sequence[WaitRow]) -> None:
    """These waits are ended by force: the external work of those that have an ``on_kill`` has to be cancelled.

    The next try of the instance does not start before that. How long it is tried is for the task to say.
    """
    rows = [row for row in ended if row.has_on_kill and row.ended_at is None]
    if not rows:
        return
    owners = instances.get_many(tx, {row.instance_uid for row in rows})
    run_rows = runs.get_many(tx, list({row.run_uid for row in rows}))
    patient: list[tuple[WaitRow, obligations.Patience]] = []
    for row in rows:
        structure = specs.structure_of(tx, run_rows[row.run_uid].version_uid)
        task = structure.tasks.get(owners[row.instance_uid].task_id, _GONE)
        lifetime = timedelta(seconds=task.cancel_timeout)
        patient.append((row, obligations.Patience(lifetime, task.on_cancel_failure)))
    obligations.insert(tx, patient)


def oblige_jobs(tx: Tx, owners: Collection[JobOwner], ended: Sequence[WaitRow] = ()) -> None:
    """These instances are ended by force: jobs that they have kept have to be cancelled, and are kept no more.

    Such a job is the trigger that would wait for it: its class path and its arguments. `ended` are the waits that
    were ended with them; what one of those has been obliged for is not done twice.
    """
    by_uid = {one.uid: one for one in owners}
    if not by_uid:
        return
    kept = task_states.get(tx, by_uid, "job")
    if not kept:
        return
    obliged = {(row.instance_uid, row.classpath) for row in ended if row.has_on_kill and row.ended_at is None}
    jobs = [row for rows in kept.values() for row in rows if (row.instance_uid, row.key) not in obliged]
    oblige(tx, [_as_wait(tx, by_uid[row.instance_uid], row) for row in jobs])
    task_states.delete_kind(tx, kept, "job")
    tx.ring("cancels")


def _as_wait(tx: Tx, owner: JobOwner, job: task_states.TaskStateRow) -> WaitRow:
    """The wait for a kept job, as if its task had deferred."""
    return WaitRow(
        uid=new_id(tx.now),
        instance_uid=owner.uid,
        run_uid=owner.run_uid,
        epoch=owner.epoch,
        kind="poll",
        classpath=job.key,
        kwargs=job.value,
        subject="",
        has_on_kill=True,
        armed_at=tx.now,
    )


async def claim_obligations(
    store: Store, session: str, limit: int, *, logs: LogLayout, only: str | None = None
) -> list[RunOnKill]:
    """Lease obligations that are due, with all that a trigger runner needs."""

    def work(tx: Tx) -> list[RunOnKill]:
        sessions.hold(tx, session)
        rows = obligations.due(tx, session, limit, only)
        return [RunOnKill(uid, load) for uid, load in loads_for_obligations(tx, rows, logs)]

    return await store.write(work)


async def settle_obligation(store: Store, session: str, order: RunOnKill, error: str = "") -> bool:
    """Done if `error` is empty; else tried again with back-off until its time is over.

    False, and nothing is changed, if `session` has the lease of `order` no longer: others have taken it over, and
    report what comes of it.
    """

    def work(tx: Tx) -> bool:
        row = obligations.leased(tx, order.obligation_id, session, order.load.token)
        if row is None:
            return False
        if not error:
            return obligations.settle(tx, row, state="done", holds=False)
        pause = min(_FIRST_PAUSE * 2 ** (row.attempts - 1), _LONGEST_PAUSE)
        due_at = tx.now + timedelta(seconds=pause)
        if due_at > row.give_up_at:
            holds = row.holds and row.on_failure == "hold"
            return obligations.settle(tx, row, state="failed", holds=holds, error=error)
        return obligations.settle(tx, row, state="pending", holds=row.holds, error=error, due_at=due_at)

    return await store.write(work)


async def next_obligation(store: Store, *, only: str | None = None) -> datetime | None:
    """When the next attempt is due."""
    return await store.read(lambda tx: obligations.next_due(tx, only))


async def pending_obligations(store: Store, run_uid: str) -> int:
    """How many of a run are still to be done."""
    return await store.read(lambda tx: obligations.pending(tx, run_uid))
