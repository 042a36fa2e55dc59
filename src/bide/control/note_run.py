"""Keep what a person writes about a run."""

from __future__ import annotations

from bide.model.errors import NotFound
from bide.store import Store, Tx, runs, sessions


async def note_run(store: Store, dag_id: str, run_id: str, note: str, *, by: str) -> None:
    """Set the note of a run. Raises :class:`NotFound`."""

    def work(tx: Tx) -> None:
        run = runs.find(tx, dag_id, run_id)
        if run is None:
            raise NotFound(f"DAG {dag_id!r} has no run {run_id!r}")
        runs.set_note(tx, run.uid, note)
        sessions.audit(tx, "note_dag_run", owner=by, dag_id=dag_id, run_id=run_id)

    await store.write(work)
