"""What is to be called because a task or a run has ended: callbacks of its author, and listeners of plugins.

A request is a row of the transaction that ends it, so that nothing is forgotten, whatever dies. A worker that ends
its own task calls them itself, with the request leased to its engine; all else is called by a process that the duty
``run_callbacks`` sends it to.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, NamedTuple

import msgspec

from bide.control.missed_deadlines import missed_of
from bide.control.start_tasks import mapped_over, run_order
from bide.model.log_path import LogLayout
from bide.model.run_state import Structure
from bide.model.states import RunState, TaskState
from bide.store import Store, Tx, callback_requests, instances, runs, sessions, specs
from bide.store.callback_requests import CallbackRow
from bide.store.ids import new_id
from bide.store.instances import InstanceRow
from bide.store.runs import RunRow
from bide.wire.callback_messages import APART, HOOKS, CallbackEvent, RunCallbacks

#: How often a request is tried whose process dies of it.
MOST_ATTEMPTS: Final = 3
#: Seconds before the second attempt; each further pause is twice as long.
_FIRST_PAUSE: Final = 1.0

_EVENTS: Final[dict[TaskState, CallbackEvent]] = {
    TaskState.SUCCESS: "success",
    TaskState.FAILED: "failure",
    TaskState.UP_FOR_RETRY: "retry",
    TaskState.SKIPPED: "skipped",
}
_RUN_EVENTS: Final[dict[RunState, CallbackEvent]] = {
    RunState.RUNNING: "run_running",
    RunState.SUCCESS: "run_success",
    RunState.FAILED: "run_failure",
}


class Ended(NamedTuple):
    """An instance that has ended, as it was before, under the epoch of whoever said so."""

    instance: InstanceRow
    epoch: int
    state: TaskState
    error: str = ""
    #: The worker that says so calls them itself.
    in_worker: bool = False


def request(tx: Tx, ended: Sequence[Ended]) -> None:
    """Have called what each of these endings asks for; nothing for those that ask for nothing."""
    unseen = [one for one in ended if not one.in_worker]
    run_rows = runs.get_many(tx, list({one.instance.run_uid for one in unseen})) if unseen else {}
    rows: list[CallbackRow] = []
    for one in ended:
        event = _EVENTS.get(one.state)
        if event is None:
            continue
        if not one.in_worker:
            structure = specs.structure_of(tx, run_rows[one.instance.run_uid].version_uid)
            task = structure.tasks.get(one.instance.task_id)
            if HOOKS[event] not in structure.spec.listeners and (task is None or event not in task.callbacks):
                continue
        session = one.instance.session if one.in_worker else None
        if session is not None and not sessions.may_take(tx, session):
            session = None  # its engine was given up this moment: another one has them called
        rows.append(_row(tx, one.instance, one.epoch, event, str(one.instance.state), one.error, session))
    callback_requests.insert(tx, rows)


def request_of_run(tx: Tx, run: RunRow, structure: Structure, state: RunState, reason: str = "") -> None:
    """Have called what the new state of a run asks for. A run without instances asks for nothing."""
    event = _RUN_EVENTS[state]
    spec = structure.spec
    if HOOKS[event] not in spec.listeners and event.removeprefix("run_") not in spec.callbacks:
        return
    instance = instances.last_ended(tx, run.uid, failed=state is RunState.FAILED)
    if instance is not None:
        callback_requests.insert(tx, [_row(tx, instance, instance.epoch, event, str(run.state), reason, None)])


def request_for(tx: Tx, run: RunRow, instance_uid: str | None, event: CallbackEvent) -> str | None:
    """Have called what is not about an ending; the request's uid. None for a run without instances."""
    instance = None if instance_uid is None else instances.get_many(tx, {instance_uid}).get(instance_uid)
    if instance is None:
        return None
    row = _row(tx, instance, instance.epoch, event, str(run.state), "", None)
    callback_requests.insert(tx, [row])
    return row.uid


def _row(
    tx: Tx, one: InstanceRow, epoch: int, event: CallbackEvent, previous: str, error: str, session: str | None
) -> CallbackRow:
    return CallbackRow(
        uid=new_id(tx.now),
        instance_uid=one.uid,
        run_uid=one.run_uid,
        epoch=epoch,
        try_number=one.try_number,
        event=event,
        previous_state=previous,
        error=error,
        ended_at=tx.now,
        due_at=tx.now,
        attempts=0 if session is None else 1,
        session=session,
    )


async def claim_callbacks(
    store: Store, session: str, limit: int, *, logs: LogLayout, only: str | None = None
) -> list[RunCallbacks]:
    """Lease requests that nobody has, with all that a task runner needs to call them."""

    def work(tx: Tx) -> list[RunCallbacks]:
        sessions.hold(tx, session)
        rows = callback_requests.claim(tx, session, limit, only)
        owners = instances.get_many(tx, {row.instance_uid for row in rows})
        run_rows = runs.get_many(tx, list({owner.run_uid for owner in owners.values()}))
        mapped = mapped_over(tx, list(owners.values()))
        orders: list[RunCallbacks] = []
        for row in rows:
            # The instance may be in its next try by now; what is called is about this one.
            owner = owners[row.instance_uid]._replace(epoch=row.epoch, try_number=row.try_number, deadline=None)
            run = run_rows[owner.run_uid]
            task = specs.structure_of(tx, run.version_uid).tasks[owner.task_id]
            order = run_order(tx, owner, task, run, logs, mapped=mapped.get((run.uid, owner.task_id)))
            missed, blocking = (), ()
            if row.event in APART:
                # The task itself may be writing to its log right now.
                order = msgspec.structs.replace(order, log_path=f"{order.log_path}.{row.event}")
                missed, blocking = missed_of(tx, row)
            orders.append(
                RunCallbacks(
                    request_id=row.uid,
                    order=order,
                    missed=missed,
                    blocking=blocking,
                    event=row.event,  # type: ignore[arg-type]  # as stored
                    previous_state=row.previous_state,
                    error=row.error,
                    ended_at=row.ended_at.timestamp(),
                    attempt=row.attempts,
                )
            )
        return orders

    return await store.write(work)


async def settle_callbacks(store: Store, request_id: str, failures: Sequence[str] = ()) -> None:
    """They were called, or are given up; `failures` says in a line each which of them failed."""

    def work(tx: Tx) -> None:
        owner = callback_requests.owner(tx, request_id) if failures else None
        if owner is not None:
            callback_requests.keep_failures(tx, owner, failures)
        callback_requests.settle(tx, request_id)

    await store.write(work)


async def settle_ending(store: Store, instance_id: str, epoch: int, failures: Sequence[str] = ()) -> None:
    """The worker that ended the instance has called what that asked for; `failures` of them failed."""

    def work(tx: Tx) -> None:
        if failures and callback_requests.exists(tx, instance_id, epoch):
            callback_requests.keep_failures(tx, instance_id, failures)
        callback_requests.settle_ending(tx, instance_id, epoch)

    await store.write(work)


async def postpone_callbacks(store: Store, request_id: str, attempt: int) -> None:
    """The process died in attempt number `attempt`: again later."""
    pause = timedelta(seconds=_FIRST_PAUSE * 2 ** (attempt - 1))
    await store.write(lambda tx: callback_requests.postpone(tx, request_id, tx.now + pause))


async def give_back_callbacks(store: Store, instance_id: str, epoch: int) -> None:
    """The worker that ended the instance died before it had called everything: another process does."""
    await store.write(lambda tx: callback_requests.give_back(tx, instance_id, epoch))


async def take_over_callbacks(store: Store, session: str, *, only: str | None = None) -> int:
    """Take the leases of engines that are gone, where there is one engine at a time."""
    return await store.write(lambda tx: callback_requests.release_others(tx, session, only))


async def pending_callbacks(store: Store, run_uid: str) -> int:
    """How many requests of a run are still open."""
    return await store.read(lambda tx: callback_requests.pending(tx, run_uid))
