"""Cancel a run: nothing of it goes on, and external work that it waits for is cancelled."""

from __future__ import annotations

from bide.control.advance_runs import finish_run
from bide.control.force_states import force
from bide.control.selecting import select
from bide.model.errors import Conflict
from bide.model.selection import RunChoice, plan_run
from bide.model.states import FINISHED_RUN, RunState
from bide.store import Store, Tx, runs, sessions


async def cancel_run(store: Store, dag_id: str, run_id: str, *, by: str) -> int:
    """End the run as failed: what had begun fails, what had not is skipped. The answer counts the instances.

    Raises :class:`NotFound`, or :class:`Conflict` if the run had ended before.
    """

    return await store.write(lambda tx: cancel_here(tx, dag_id, run_id, by=by))


def cancel_here(tx: Tx, dag_id: str, run_id: str, *, by: str) -> int:
    """As :func:`cancel_run`, in this transaction."""
    (one,) = select(tx, dag_id, RunChoice(run_ids=frozenset({run_id})))
    if one.run.state in FINISHED_RUN:
        raise Conflict(f"run {run_id!r} of {dag_id!r} has ended: it is {one.run.state}")
    reason = f"cancelled by {by}"
    moved = force(tx, plan_run(one.found, RunState.FAILED), by=by, error=reason)
    finish_run(tx, runs.get_many(tx, [one.run.uid])[one.run.uid], RunState.FAILED, reason=reason)
    sessions.audit(tx, "cancel_dag_run", owner=by, dag_id=dag_id, run_id=run_id)
    return len(moved)
