"""Cancel a run: nothing of it goes on, and external work that it waits for is cancelled."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bide.model.errors import Conflict, NotFound
from bide.model.states import FINISHED_RUN, RunState, TaskState
from bide.store import Store, Tx, instances, obligations, runs, sessions, transitions, waits
from bide.store.transitions import Guard

#: How long the engine tries to cancel external work.
CANCEL_TIMEOUT: Final = timedelta(minutes=10)


async def cancel_run(store: Store, dag_id: str, run_id: str, *, by: str) -> int:
    """End the run as failed: what had begun fails, what had not is skipped. The answer counts the instances.

    Raises :class:`NotFound`, or :class:`Conflict` if the run had ended before.
    """

    def work(tx: Tx) -> int:
        run = runs.find(tx, dag_id, run_id)
        if run is None:
            raise NotFound(f"DAG {dag_id!r} has no run {run_id!r}")
        if run.state in FINISHED_RUN:
            raise Conflict(f"run {run_id!r} of {dag_id!r} has ended: it is {run.state}")
        open_ones = instances.unfinished_of_run(tx, run.uid)
        ending = {"end_date": tx.now, "deadline": None, "due_at": None, "is_resume": False}
        begun = [
            Guard(one.uid, one.epoch, {**ending, "error": f"cancelled by {by}"})
            for one in open_ones
            if one.state is not TaskState.NONE
        ]
        untouched = [Guard(one.uid, one.epoch, ending) for one in open_ones if one.state is TaskState.NONE]
        pending = waits.of_instances(tx, [guard.uid for guard in begun])
        moved = transitions.apply(tx, "cancel", begun, by=by)
        moved += transitions.apply(tx, "cancel_unstarted", untouched, by=by)
        waits.delete_resumes(tx, [guard.uid for guard in begun])
        obligations.insert(tx, pending, lifetime=CANCEL_TIMEOUT)
        waits.delete(tx, [one.uid for one in pending])
        runs.finish(tx, run.uid, RunState.FAILED, reason=f"cancelled by {by}")
        sessions.audit(tx, "cancel_dag_run", owner=by, dag_id=dag_id, run_id=run_id)
        tx.ring("cancels", "drops")
        return len(moved)

    return await store.write(work)
