"""Pause and unpause a DAG: a paused one gets no scheduled runs; its running ones, and those asked for, go on."""

from __future__ import annotations

from bide.control.plan_runs import count_due, plan_next_run
from bide.model.errors import NotFound
from bide.store import Store, Tx, asset_events, dags, sessions


async def pause_dag(store: Store, dag_id: str, paused: bool, *, by: str) -> int:
    """Set whether `dag_id` is paused; the answer is how many runs are made at once. Raises :class:`NotFound`."""

    def work(tx: Tx) -> int:
        due = 0
        if not dags.set_paused(tx, dag_id, paused):
            raise NotFound(f"there is no DAG {dag_id!r}")
        if not paused:
            # Intervals that went by while it was paused count by the DAG's `catchup`.
            due = count_due(tx, dag_id, plan_next_run(tx, dag_id))
            asset_events.mark(tx, {dag_id})
        sessions.audit(tx, "pause_dag" if paused else "unpause_dag", owner=by, dag_id=dag_id)
        return due

    return await store.write(work)
