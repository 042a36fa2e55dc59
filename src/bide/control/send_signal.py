"""Somebody says that a task may go on."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Literal

from bide.control.accept_event import WaitEnding, end_waits
from bide.control.early_signals import look_at_once
from bide.control.outcomes import write_outcome
from bide.model.errors import Conflict, NotFound
from bide.model.ids import check_signal_name
from bide.model.states import FINISHED, TaskState
from bide.store import Store, Tx, instances, sessions, signals, waits
from bide.store.instances import InstanceRow
from bide.wire.messages import Outcome

#: Bytes of what is sent, as JSON.
LONGEST: Final = 256 * 1024
#: How long a signal that nobody waits for yet is kept.
KEPT_FOR: Final = timedelta(days=30)

#: ``resumed``: a wait took it; ``stored``: it is kept for one that comes.
Taken = Literal["resumed", "stored"]


async def send_signal(store: Store, instance_id: str, name: str, payload: bytes, *, by: str) -> Taken:
    """Send the signal `name` with an encoded `payload` to an instance; durable on return.

    Raises :class:`NotFound` for an unknown instance, :class:`Conflict` for one that has ended, and
    :class:`InvalidArgument` for a wrong name.
    """
    check_signal_name(name)

    def work(tx: Tx) -> Taken:
        # The wait for it may be armed at this moment: one of both has to see the other.
        instance = instances.lock(tx, instance_id)
        if instance is None:
            raise NotFound(f"there is no task instance {instance_id!r}")
        if instance.state in FINISHED:
            task = f"{instance.dag_id}.{instance.task_id} of run {instance.run_id!r}"
            raise Conflict(f"signal {name!r}: {task} has ended, it is {instance.state}")
        sessions.audit(
            tx,
            "signal",
            owner=by,
            dag_id=instance.dag_id,
            run_id=instance.run_id,
            task_id=instance.task_id,
            extra=name,
        )
        outcome = Outcome("event", payload)
        if deliver(tx, instance, name, outcome):
            return "resumed"
        signals.insert(tx, instance_id, name, expires_at=tx.now + KEPT_FOR, outcome=write_outcome(outcome))
        return "stored"

    return await store.write(work)


def deliver(tx: Tx, instance: InstanceRow, name: str, outcome: Outcome) -> bool:
    """End the instance's wait for the signal `name`, or its pause until it looks again; False if it has neither."""
    if instance.state is TaskState.UP_FOR_RESCHEDULE:
        return look_at_once(tx, [instance])
    row = waits.for_signal(tx, instance.uid, name)
    return row is not None and bool(end_waits(tx, [(row, WaitEnding(row.uid, row.token, outcome))], by="signal"))
