"""Cancel obligations: external work that has to be cancelled, whatever happens to the engine meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from bide.store.database import Tx
from bide.store.ids import new_id
from bide.store.schema import cancel_obligation
from bide.store.waits import WaitRow

_o = cancel_obligation.c


class ObligationRow(NamedTuple):
    """One obligation."""

    uid: str
    instance_uid: str
    run_uid: str
    wait_uid: str
    epoch: int
    kind: str
    classpath: str
    kwargs: bytes
    attempts: int
    give_up_at: datetime


def insert(tx: Tx, waits: Sequence[WaitRow], *, lifetime: timedelta) -> None:
    """Oblige the engine to run ``on_kill`` of these waits' triggers, for at most `lifetime`."""
    rows = [
        {
            "uid": new_id(tx.now),
            "instance_uid": one.instance_uid,
            "run_uid": one.run_uid,
            "wait_uid": one.uid,
            "epoch": one.epoch,
            "kind": one.kind,
            "classpath": one.classpath,
            "kwargs": one.kwargs,
            "state": "pending",
            "attempts": 0,
            "due_at": tx.now,
            "give_up_at": tx.now + lifetime,
        }
        for one in waits
        if one.has_on_kill and one.ended_at is None
    ]
    if rows:
        tx.conn.execute(sa.insert(cancel_obligation), rows)
        tx.ring("cancels")


def due(tx: Tx, session: str, limit: int, only: str | None = None) -> list[ObligationRow]:
    """Lease obligations that are due to `session`."""
    chosen = (
        sa.select(_o.uid)
        .where(
            sa.text("state = 'pending'"),
            _o.due_at <= tx.now,
            sa.or_(_o.session.is_(None), _o.session != session),
        )
        .order_by(_o.due_at)
        .limit(limit)
    )
    if only is not None:
        chosen = chosen.where(_o.run_uid == only)
    rows = tx.conn.execute(
        sa.update(cancel_obligation)
        .where(_o.uid.in_(chosen.scalar_subquery()))
        .values(session=session, attempts=_o.attempts + 1)
        .returning(*(_o[name] for name in ObligationRow._fields))
    )
    return [ObligationRow(*row) for row in rows]


def get(tx: Tx, uid: str) -> ObligationRow | None:
    """The obligation `uid`, while it is pending."""
    row = tx.conn.execute(
        sa.select(*(_o[name] for name in ObligationRow._fields)).where(_o.uid == uid, _o.state == "pending")
    ).one_or_none()
    return None if row is None else ObligationRow(*row)


def settle(tx: Tx, uid: str, *, state: str, error: str = "", due_at: datetime | None = None) -> None:
    """Say how an attempt went: ``done``, ``failed`` for good, or ``pending`` until `due_at`."""
    tx.conn.execute(
        sa.update(cancel_obligation)
        .where(_o.uid == uid)
        .values(state=state, error=error, due_at=due_at, session=None)
    )
    tx.ring("history")
    if state == "pending":
        tx.ring("cancels")


def next_due(tx: Tx, only: str | None = None) -> datetime | None:
    """When the next attempt is due."""
    query = sa.select(sa.func.min(_o.due_at)).where(sa.text("state = 'pending'"), _o.session.is_(None))
    return tx.conn.execute(query if only is None else query.where(_o.run_uid == only)).scalar_one()


def pending(tx: Tx, run_uid: str) -> int:
    """How many are still to be done for a run."""
    return tx.conn.execute(
        sa.select(sa.func.count())
        .select_from(cancel_obligation)
        .where(_o.run_uid == run_uid, _o.state == "pending")
    ).scalar_one()
