"""Let the next try of an instance start although external work of an earlier one is not cancelled."""

from __future__ import annotations

from bide.model.errors import Conflict, NotFound
from bide.store import Store, Tx, instances, obligations, runs, sessions


async def release_tasks(
    store: Store, dag_id: str, run_id: str, task_id: str | None = None, *, map_index: int | None = None, by: str
) -> list[str]:
    """Release the instances of a run, of one task, or of one index, that are held; the answer has their task ids.

    A cancel that is still being tried is tried on. Raises :class:`NotFound`, or :class:`Conflict` if none is held.
    """

    def work(tx: Tx) -> list[str]:
        run = runs.find(tx, dag_id, run_id)
        if run is None:
            raise NotFound(f"DAG {dag_id!r} has no run {run_id!r}")
        found = {
            one.uid: one.task_id
            for one in instances.of_runs(tx, [run.uid])
            if task_id in (None, one.task_id) and map_index in (None, one.map_index)
        }
        if not found:
            raise NotFound(f"run {run_id!r} of DAG {dag_id!r} has no task {task_id!r}")
        released = obligations.release(tx, found)
        if not released:
            what = "no task" if task_id is None else f"task {task_id!r}"
            verb = "is held" if task_id is None else "is not held"
            raise Conflict(f"{what} of run {run_id!r} {verb}: nothing of it has to be cancelled first")
        sessions.audit(tx, "release_task_instance", owner=by, dag_id=dag_id, run_id=run_id, task_id=task_id)
        return sorted(found[uid] for uid in released)

    return await store.write(work)
