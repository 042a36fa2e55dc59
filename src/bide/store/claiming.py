"""Taking work that several engines look for: each row is found by one of them."""

from __future__ import annotations

from typing import Any, Final, Literal
from zlib import crc32

import sqlalchemy as sa

from bide.store.database import Tx
from bide.store.schema import session


def free(chosen: sa.Select[*tuple[Any, ...]], name: str = "chosen") -> sa.Select[*tuple[Any, ...]]:
    """For ``column.in_(free(...))``: the rows of `chosen` that no other transaction has locked; locks them.

    Where the database has one writer, that is all of them. The selection is made once, whatever the plan is.
    """
    locked = chosen.with_for_update(skip_locked=True).cte(name)
    return sa.select(*locked.c)


def not_elsewhere(table: sa.Table) -> sa.ColumnElement[bool]:
    """Of a `table` with groups whose rows share their looks, or their consumer: not such as another session holds
    others of, unless the session ``by`` holds some of them, too.

    In this order each question is answered by one entry of the index on (group_key, session), however large the
    group is.
    """
    mate = table.alias("mate")

    def has_mate(served: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
        return sa.exists().where(mate.c.group_key == table.c.group_key, served)

    return sa.or_(
        table.c.group_key.is_(None),
        has_mate(mate.c.session == sa.bindparam("by")),
        ~has_mate(mate.c.session.is_not(None)),
    )


_alone: Final = sa.select(sa.func.pg_advisory_xact_lock(sa.bindparam("family"), sa.bindparam("name")))
_alone_if_free: Final = (
    sa.select(
        sa.case(
            (session.c.ended_at.is_not(None), sa.false()),
            else_=sa.func.pg_try_advisory_xact_lock(sa.bindparam("family"), sa.bindparam("name"), type_=sa.Boolean),
        )
    )
    .where(session.c.uid == sa.bindparam("own"))
    .with_for_update(read=True, key_share=True)
)
#: Family of the locks of decisions: "bide" in ASCII.
_FAMILY: Final = 0x62696465


Decision = Literal[
    "deliver_assets",
    "queue_tasks",
    "start_runs",
    "create_runs",
    "run_backfills",
    "fire_timers",
    "release_due",
    "settle_watches",
    "watch_runs",
]


def decide_alone(tx: Tx, name: Decision) -> None:
    """Until the end of the transaction no other engine makes this decision: it depends on limits over all, or
    several would find the same rows to decide about."""
    if tx.shared:
        tx.conn.execute(_alone, _lock_of(name))


def decide_if_free(tx: Tx, name: Decision, own: str) -> bool:
    """As :func:`decide_alone`, for an engine whose session nobody may end before that is done.

    False, at once, if another engine is about to make this decision, or if the session is over.
    """
    if not tx.shared:
        return True
    return bool(tx.conn.execute(_alone_if_free, {"own": own, **_lock_of(name)}).scalar_one_or_none())


def _lock_of(name: Decision) -> dict[str, int]:
    return {"family": _FAMILY, "name": crc32(name.encode()) & 0x7FFFFFFF}
