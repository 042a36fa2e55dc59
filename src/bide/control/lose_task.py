"""Instances whose worker, engine or executor is gone."""

from __future__ import annotations

from collections.abc import Sequence

from bide.control.claims import Claim
from bide.control.endings import Ending, end
from bide.model.retries import MAX_RESCUES
from bide.model.states import TaskState
from bide.store import Store, Tx, instances, transitions
from bide.store.instances import InstanceRow
from bide.store.transitions import Guard

#: Instances that one rescue looks at.
_BATCH = 1_000


async def lose_task(store: Store, instance_id: str, epoch: int, *, error: str) -> bool:
    """The worker died alone: that costs a try. False if the instance had moved on."""

    def work(tx: Tx) -> bool:
        instance = instances.get(tx, instance_id)
        if instance is None:
            return False
        return bool(end(tx, [Ending(instance, epoch, "failed", error, forced=True)], by="engine"))

    return await store.write(work)


async def give_back(store: Store, claims: Sequence[Claim]) -> None:
    """The executor stops before it started these: queued → scheduled, no try lost."""

    def work(tx: Tx) -> None:
        guards = [Guard(claim.instance.id, claim.epoch, {"session": None}) for claim in claims]
        transitions.apply(tx, "rescue", guards, by="executor")

    await store.write(work)


async def give_up_running(store: Store, held: Sequence[tuple[str, int]], *, by: str, counted: bool = False) -> None:
    """The engine stops while these (instance id, epoch) run: they are started again, same try.

    `counted`: it did not stop but fail, as in :func:`rescue_lost`.
    """

    def work(tx: Tx) -> None:
        rows = instances.get_many(tx, [uid for uid, _ in held])
        current = [rows[uid] for uid, epoch in held if uid in rows and rows[uid].epoch == epoch]
        rescue(tx, current, by=by, counted=counted)

    await store.write(work)


async def rescue_lost(store: Store, session: str, *, only: str | None = None) -> int:
    """Take over what other engines of this store left queued or running; the answer says how many.

    An engine that died costs no try: same try, new epoch. After :data:`MAX_RESCUES` times the instance fails,
    since it may be what kills engines.
    """

    def work(tx: Tx) -> int:
        rows = instances.held_by_others(tx, session, _BATCH, only)
        rescue(tx, rows, by="rescue", counted=True)
        return len(rows)

    total = 0
    while found := await store.write(work):
        total += found
    return total


def rescue(tx: Tx, rows: Sequence[InstanceRow], *, by: str, counted: bool) -> None:
    """Schedule these queued and running instances again; `counted` as in :func:`give_up_running`."""
    spent = [row for row in rows if counted and row.state is TaskState.RUNNING and row.rescues >= MAX_RESCUES]
    error = f"its engine died {MAX_RESCUES + 1} times while it ran: it may be what kills engines"
    end(tx, [Ending(row, row.epoch, "failed", error, may_retry=False, forced=True) for row in spent], by=by)
    given_up = {row.uid for row in spent}
    guards = [
        Guard(
            row.uid,
            row.epoch,
            {
                "session": None,
                "scheduled_at": tx.now,
                "rescues": row.rescues + (counted and row.state is TaskState.RUNNING),
                # It begins again, with all of its time; but what goes on after a wait has one limit for all, or
                # what its work before has left of that.
                "deadline": row.deadline if row.is_resume and row.seconds_left is None else None,
            },
        )
        for row in rows
        if row.uid not in given_up
    ]
    transitions.apply(tx, "rescue", guards, by=by)
