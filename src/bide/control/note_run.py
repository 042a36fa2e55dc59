"""Keep what a person writes about a run, or about a task instance."""

from __future__ import annotations

from bide.model.errors import NotFound
from bide.store import Store, Tx, instances, notes, runs, sessions


async def note_run(store: Store, dag_id: str, run_id: str, note: str, *, by: str) -> None:
    """Set the note of a run. Raises :class:`NotFound`."""

    def work(tx: Tx) -> None:
        run = runs.find(tx, dag_id, run_id)
        if run is None:
            raise NotFound(f"DAG {dag_id!r} has no run {run_id!r}")
        runs.set_note(tx, run.uid, note)
        sessions.audit(tx, "note_dag_run", owner=by, dag_id=dag_id, run_id=run_id)

    await store.write(work)


async def note_task(
    store: Store, dag_id: str, run_id: str, task_id: str, note: str, *, map_index: int | None = None, by: str
) -> int:
    """Set the note of an instance, or of all instances of a mapped task; the answer says of how many.

    An empty text removes it. Raises :class:`NotFound`.
    """

    def work(tx: Tx) -> int:
        run = runs.find(tx, dag_id, run_id)
        if run is None:
            raise NotFound(f"DAG {dag_id!r} has no run {run_id!r}")
        uids = [
            one.uid
            for one in instances.of_runs(tx, [run.uid])
            if one.task_id == task_id and map_index in (None, one.map_index)
        ]
        if not uids:
            index = "" if map_index is None else f" with map index {map_index}"
            raise NotFound(f"run {run_id!r} of DAG {dag_id!r} has no task {task_id!r}{index}")
        notes.set_notes(tx, uids, note)
        sessions.audit(tx, "note_task_instance", owner=by, dag_id=dag_id, run_id=run_id, task_id=task_id)
        return len(uids)

    return await store.write(work)
