"""Cancel obligations: lease them, and take note of how an attempt went."""

from __future__ import annotations

from datetime import datetime, timedelta

from bide.control.claim_waits import loads_for_obligations
from bide.model.log_path import LogLayout
from bide.store import Store, Tx, obligations
from bide.wire.messages import RunOnKill

#: Seconds before the second attempt; each further pause is twice as long, up to the longest.
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0


async def claim_obligations(
    store: Store, session: str, limit: int, *, logs: LogLayout, only: str | None = None
) -> list[RunOnKill]:
    """Lease obligations that are due, with all that a trigger runner needs."""

    def work(tx: Tx) -> list[RunOnKill]:
        rows = obligations.due(tx, session, limit, only)
        return [RunOnKill(uid, load) for uid, load in loads_for_obligations(tx, rows, logs)]

    return await store.write(work)


async def settle_obligation(store: Store, obligation_id: str, error: str = "") -> None:
    """Done if `error` is empty; else tried again with back-off until its time is over."""

    def work(tx: Tx) -> None:
        row = obligations.get(tx, obligation_id)
        if row is None:
            return  # settled before
        if not error:
            obligations.settle(tx, obligation_id, state="done")
            return
        pause = min(_FIRST_PAUSE * 2 ** (row.attempts - 1), _LONGEST_PAUSE)
        due_at = tx.now + timedelta(seconds=pause)
        if due_at > row.give_up_at:
            obligations.settle(tx, obligation_id, state="failed", error=error)
        else:
            obligations.settle(tx, obligation_id, state="pending", error=error, due_at=due_at)

    await store.write(work)


async def next_obligation(store: Store, *, only: str | None = None) -> datetime | None:
    """When the next attempt is due."""
    return await store.read(lambda tx: obligations.next_due(tx, only))


async def pending_obligations(store: Store, run_uid: str) -> int:
    """How many of a run are still to be done."""
    return await store.read(lambda tx: obligations.pending(tx, run_uid))
