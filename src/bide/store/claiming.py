"""Taking work that several engines look for: each row is found by one of them."""

from __future__ import annotations

from typing import Any, Final, Literal
from zlib import crc32

import sqlalchemy as sa

from bide.store.database import Tx


def free(chosen: sa.Select[*tuple[Any, ...]], name: str = "chosen") -> sa.Select[*tuple[Any, ...]]:
    """For ``column.in_(free(...))``: the rows of `chosen` that no other transaction has locked; locks them.

    Where the database has one writer, that is all of them. The selection is made once, whatever the plan is.
    """
    locked = chosen.with_for_update(skip_locked=True).cte(name)
    return sa.select(*locked.c)


_alone: Final = sa.select(sa.func.pg_advisory_xact_lock(sa.bindparam("family"), sa.bindparam("name")))
_alone_if_free: Final = sa.select(
    sa.func.pg_try_advisory_xact_lock(sa.bindparam("family"), sa.bindparam("name"), type_=sa.Boolean)
)
#: Family of the locks of decisions: "bide" in ASCII.
_FAMILY: Final = 0x62696465


Decision = Literal["queue_tasks", "start_runs", "create_runs", "fire_timers", "release_due"]


def decide_alone(tx: Tx, name: Decision) -> None:
    """Until the end of the transaction no other engine makes this decision: it depends on limits over all, or
    several would find the same rows to decide about."""
    if tx.shared:
        tx.conn.execute(_alone, _lock_of(name))


def decide_if_free(tx: Tx, name: Decision) -> bool:
    """As :func:`decide_alone`; False, at once, if another engine is about to make this decision."""
    return not tx.shared or tx.conn.execute(_alone_if_free, _lock_of(name)).scalar_one()


def _lock_of(name: Decision) -> dict[str, int]:
    return {"family": _FAMILY, "name": crc32(name.encode()) & 0x7FFFFFFF}
