"""Pause, resume and cancel a backfill."""

from __future__ import annotations

from typing import Any

import msgspec

from bide.control.cancel_run import cancel_here
from bide.model.errors import Conflict, NotFound
from bide.store import Store, Tx, backfills, sessions
from bide.store.backfills import BackfillRow


async def pause_backfill(store: Store, number: int, paused: bool, *, by: str) -> BackfillRow:
    """Pause a backfill: its runs that run go on, and no further one starts; or resume it.

    Raises :class:`NotFound`, and :class:`Conflict` if it is over.
    """

    def work(tx: Tx) -> BackfillRow:
        row = _open(tx, number)
        backfills.change(tx, number, is_paused=paused)
        _audit(tx, "pause_backfill" if paused else "unpause_backfill", row, by)
        return row._replace(is_paused=paused, updated_at=tx.now)

    return await store.write(work)


async def cancel_backfill(
    store: Store, number: int, *, stop_runs: bool = False, by: str
) -> tuple[BackfillRow, int]:
    """End a backfill; its dates that had no turn get no runs. Its runs that run go on, unless `stop_runs`.

    The answer counts the runs that were cancelled: those that waited to start, and with `stop_runs` all. Raises
    :class:`NotFound`, and :class:`Conflict` if it is over.
    """

    def work(tx: Tx) -> tuple[BackfillRow, int]:
        row = _open(tx, number)
        cancelled = backfills.unfinished_runs(tx, row, only_queued=not stop_runs)
        for run_id in cancelled:
            cancel_here(tx, row.dag_id, run_id, by=by)
        backfills.change(tx, number, is_cancelled=True, completed_at=tx.now)
        _audit(tx, "cancel_backfill", row, by, runs=len(cancelled))
        return row._replace(is_cancelled=True, completed_at=tx.now, updated_at=tx.now), len(cancelled)

    return await store.write(work)


def _open(tx: Tx, number: int) -> BackfillRow:
    row = backfills.lock(tx, number)
    if row is None:
        raise NotFound(f"there is no backfill {number}")
    if row.completed_at is not None:
        raise Conflict(f"backfill {number} of {row.dag_id!r} is over: it is {row.state}")
    return row


def _audit(tx: Tx, event: str, row: BackfillRow, by: str, **more: Any) -> None:
    extra = msgspec.json.encode({"backfill": row.id, **more}).decode()
    sessions.audit(tx, event, owner=by, dag_id=row.dag_id, extra=extra)
