"""Pools: slots that tasks of any DAG share."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from bide.model.pools import DEFAULT, UNLIMITED, Pool, why_waiting
from bide.model.states import TaskState
from bide.store.database import Tx
from bide.store.rowset import listed
from bide.store.schema import slot_pool, task_instance
from bide.store.scoping import in_scope

_ti, _p = task_instance.c, slot_pool.c


class PoolView(NamedTuple):
    """A pool, and what its slots are taken by."""

    pool: Pool
    running: int = 0
    queued: int = 0
    scheduled: int = 0
    deferred: int = 0

    @property
    def occupied(self) -> int:
        """Slots that are taken."""
        return self.running + self.queued + (self.deferred if self.pool.include_deferred else 0)

    @property
    def open(self) -> int | None:
        """Slots that are left; None for any number."""
        return None if self.pool.slots == UNLIMITED else self.pool.slots - self.occupied


_all = sa.select(_p.pool, _p.slots, _p.description, _p.include_deferred).order_by(_p.pool)
# Each state in the words of its partial index.
_wanted = sa.union_all(
    *(
        sa.select(_ti.pool, _ti.state, sa.func.sum(_ti.pool_slots))
        .where(sa.text(f"task_instance.state {states}"))
        .group_by(_ti.pool, _ti.state)
        for states in ("IN ('queued', 'running')", "= 'scheduled'", "= 'deferred'")
    )
)


def list_pools(tx: Tx) -> list[PoolView]:
    """All pools by name; the default one is among them whether it has a row or not."""
    found = {DEFAULT.name: DEFAULT, **{row.pool: Pool(*row) for row in tx.conn.execute(_all)}}
    taken: dict[str, dict[str, int]] = {}
    for name, state, slots in tx.conn.execute(_wanted):
        taken.setdefault(name, {})[TaskState(state).value] = slots
    return [PoolView(pool, **taken.get(name, {})) for name, pool in sorted(found.items())]


_kept_slots = sa.union_all(
    sa.select(_ti.pool, sa.func.sum(_ti.pool_slots))
    .where(sa.text("task_instance.state = 'deferred'"), _ti.pool.in_(listed("pools")), in_scope(_ti.run_uid))
    .group_by(_ti.pool),
    sa.select(_ti.pool, sa.func.sum(_ti.pool_slots))
    .where(
        sa.text("task_instance.state = 'scheduled'"),
        _ti.is_resume == sa.true(),
        _ti.pool.in_(listed("pools")),
        in_scope(_ti.run_uid),
    )
    .group_by(_ti.pool),
)


def kept_slots(tx: Tx, pools: Collection[str], only: str | None = None) -> dict[str, int]:
    """Slots of these pools that are kept by what is deferred, or has been and is about to go on.

    Reads ``ix_task_instance_deferred`` and ``ix_task_instance_scheduled``.
    """
    found: dict[str, int] = {}
    for pool, slots in tx.conn.execute(_kept_slots, {"pools": list(pools), "only": only}):
        found[pool] = found.get(pool, 0) + slots
    return found


def get_pool(tx: Tx, name: str) -> PoolView | None:
    """One pool."""
    return next((view for view in list_pools(tx) if view.pool.name == name), None)


def save(tx: Tx, pools: Sequence[Pool]) -> None:
    """Make these pools, or change them."""
    if not pools:
        return
    tx.conn.execute(
        sa.delete(slot_pool).where(_p.pool.in_(listed("names"))), {"names": [one.name for one in pools]}
    )
    rows = [
        {
            "pool": one.name,
            "slots": one.slots,
            "description": one.description,
            "include_deferred": one.include_deferred,
        }
        for one in {one.name: one for one in pools}.values()
    ]
    tx.conn.execute(sa.insert(slot_pool), rows)
    tx.ring("slots")


def delete(tx: Tx, name: str) -> bool:
    """Remove a pool; False if there is none of that name."""
    answer = tx.conn.execute(sa.delete(slot_pool).where(_p.pool == name))
    tx.ring("slots")
    return answer.rowcount > 0


def make_default(tx: Tx, slots: int) -> None:
    """Give the default pool so many slots, unless somebody has set it already."""
    known = tx.conn.execute(sa.select(_p.pool).where(_p.pool == DEFAULT.name)).first()
    if known is None and slots != DEFAULT.slots:
        save(tx, [DEFAULT._replace(slots=slots)])


_waiting = (
    sa.select(_ti.uid, _ti.pool, _ti.pool_slots, _p.slots)
    .select_from(task_instance.outerjoin(slot_pool, _p.pool == _ti.pool))
    .where(_ti.uid.in_(listed("uids")), _ti.state == TaskState.SCHEDULED.value)
)


def in_vain(tx: Tx, uids: Collection[str]) -> dict[str, str]:
    """Why those of `uids` can't run that wait for a pool that is closed, or can never take them."""
    reasons: dict[str, str] = {}
    for uid, name, wanted, slots in tx.conn.execute(_waiting, {"uids": list(uids)}):
        total = DEFAULT.slots if slots is None and name == DEFAULT.name else slots
        reason = why_waiting(name, wanted, total)
        if reason:
            reasons[uid] = reason
    return reasons
