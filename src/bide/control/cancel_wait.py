"""A person ends what a task waits for."""

from __future__ import annotations

from bide.control.accept_event import WaitEnding, end_waits
from bide.control.cancel_external import oblige, oblige_jobs
from bide.model.dag_modules import shown
from bide.model.errors import Conflict, NotFound
from bide.model.states import TaskState
from bide.store import Store, Tx, instances, sessions, waits


async def cancel_wait(store: Store, instance_id: str, *, by: str) -> str:
    """Let the wait of an instance fail; the answer says what it waited for.

    Its work outside is cancelled, as for any forced end. The task fails without another try; a function that waits
    sees a failed wait, which it may catch. Raises :class:`NotFound`, and :class:`Conflict` if it does not wait.
    """

    def work(tx: Tx) -> str:
        instance = instances.lock(tx, instance_id)
        if instance is None:
            raise NotFound(f"there is no task instance {instance_id!r}")
        rows = waits.of_instances(tx, [instance_id]) if instance.state is TaskState.DEFERRED else []
        root = next((row for row in rows if row.parent_uid is None), None)
        if root is None:
            task = f"{instance.dag_id}.{instance.task_id} of run {instance.run_id!r}"
            raise Conflict(f"{task} does not wait: it is {instance.state}")
        oblige(tx, rows)
        oblige_jobs(tx, [instance], rows)
        ending = WaitEnding(root.uid, root.token, error=f"the wait was cancelled by {by}", is_logged=False)
        end_waits(tx, [(root, ending)], by=by, may_retry=False)
        sessions.audit(
            tx,
            "cancel_wait",
            owner=by,
            dag_id=instance.dag_id,
            run_id=instance.run_id,
            task_id=instance.task_id,
            extra=root.subject,
        )
        return root.subject or shown(root.classpath)

    return await store.write(work)
