"""Cancel a run: nothing of it goes on but teardowns, and external work that it waits for is cancelled."""

from __future__ import annotations

from typing import NamedTuple

from bide.control.end_runs import finish_run
from bide.control.force_states import force
from bide.control.selecting import Selected, select
from bide.model.errors import Conflict
from bide.model.selection import Change, RunChoice, plan_run, spared_teardowns
from bide.model.states import FINISHED_RUN, RunState
from bide.store import Store, Tx, runs, sessions


class Cancelled(NamedTuple):
    """What a cancel has done."""

    #: How many instances it has ended.
    instances: int
    #: Teardowns that put away what is set up, before the run ends.
    teardowns: tuple[str, ...]


async def cancel_run(store: Store, dag_id: str, run_id: str, *, by: str) -> Cancelled:
    """End the run as failed: what had begun fails, what had not is skipped.

    Teardowns of what was set up run first, and the run ends behind them; a second cancel ends them as well. Raises
    :class:`NotFound`, or :class:`Conflict` if the run had ended before.
    """

    return await store.write(lambda tx: cancel_here(tx, dag_id, run_id, by=by))


def cancel_here(tx: Tx, dag_id: str, run_id: str, *, by: str) -> Cancelled:
    """As :func:`cancel_run`, in this transaction."""
    (one,) = select(tx, dag_id, RunChoice(run_ids=frozenset({run_id})))
    if one.run.state in FINISHED_RUN:
        raise Conflict(f"run {run_id!r} of {dag_id!r} has ended: it is {one.run.state}")
    reason = f"cancelled by {by}"
    changes, spared = plan_failure(tx, one)
    moved = force(tx, changes, by=by, error=reason)
    fail_run(tx, one.run.uid, spared, reason=reason)
    sessions.audit(tx, "cancel_dag_run", owner=by, dag_id=dag_id, run_id=run_id)
    return Cancelled(len(moved), spared)


def plan_failure(tx: Tx, one: Selected) -> tuple[list[Change], tuple[str, ...]]:
    """What is to be ended in a run that a person fails, and the teardowns that are left to go on."""
    run = runs.get_many(tx, [one.run.uid])[one.run.uid]
    # A reason before the end is that of somebody who has failed it already.
    is_first = run.state is RunState.RUNNING and not run.reason
    spared = spared_teardowns(one.structure, one.found) if is_first else frozenset[str]()
    changes = plan_run([found for found in one.found if found.task_id not in spared], RunState.FAILED)
    return changes, tuple(sorted(spared))


def fail_run(tx: Tx, run_uid: str, spared: tuple[str, ...], *, reason: str) -> bool:
    """End the run as failed, or have it end so once its teardowns have; False if it had ended before."""
    if spared:
        runs.explain(tx, run_uid, reason)
        return True
    return finish_run(tx, runs.get_many(tx, [run_uid])[run_uid], RunState.FAILED, reason=reason)
