"""Cancel obligations: external work that has to be cancelled, whatever happens to the engine meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import sqlalchemy as sa

from bide.store.claiming import free
from bide.store.database import Tx
from bide.store.ids import new_id
from bide.store.rowset import listed
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
    #: Who has it leased; None if nobody has.
    session: str | None
    #: Of its leases: the number of an attempt is the token under which it is reported.
    attempts: int
    give_up_at: datetime
    holds: bool
    on_failure: str


class Patience(NamedTuple):
    """How long a cancel is tried, and what becomes of the next try after that."""

    lifetime: timedelta
    on_failure: Literal["hold", "start"]


def insert(tx: Tx, waits: Sequence[tuple[WaitRow, Patience]]) -> None:
    """Oblige the engine to run ``on_kill`` of these waits' triggers before their instances' next tries."""
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
            "give_up_at": tx.now + patience.lifetime,
            "holds": True,
            "on_failure": patience.on_failure,
        }
        for one, patience in waits
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
            _o.session.is_(None),
        )
        .order_by(_o.due_at)
        .limit(limit)
    )
    if only is not None:
        chosen = chosen.where(_o.run_uid == only)
    rows = tx.conn.execute(
        sa.update(cancel_obligation)
        .where(_o.uid.in_(free(chosen)))
        .values(session=session, attempts=_o.attempts + 1)
        .returning(*(_o[name] for name in ObligationRow._fields))
    )
    return [ObligationRow(*row) for row in rows]


def leased(tx: Tx, uid: str, session: str, attempt: int) -> ObligationRow | None:
    """The obligation `uid`, while `session` has it leased for this attempt."""
    row = tx.conn.execute(
        sa.select(*(_o[name] for name in ObligationRow._fields)).where(
            _o.uid == uid, _o.state == "pending", _o.session == session, _o.attempts == attempt
        )
    ).one_or_none()
    return None if row is None else ObligationRow(*row)


def settle(
    tx: Tx, lease: ObligationRow, *, state: str, holds: bool, error: str = "", due_at: datetime | None = None
) -> bool:
    """Say how the attempt of `lease` went: ``done``, ``failed`` for good, or ``pending`` until `due_at`.

    `holds`: whether the next try still has to wait. False if the lease is over: somebody else has it, or had it.
    """
    done = tx.conn.execute(
        sa.update(cancel_obligation)
        .where(
            _o.uid == lease.uid,
            _o.state == "pending",
            _o.session == lease.session,
            _o.attempts == lease.attempts,
        )
        .values(state=state, error=error, due_at=due_at, session=None, holds=holds)
    )
    if done.rowcount == 0:
        return False
    tx.ring("history")
    if state == "pending":
        tx.ring("cancels")
    if not holds:
        tx.ring("scheduled", "starts")
    return True


_release = (
    sa.update(cancel_obligation)
    .where(_o.instance_uid.in_(listed("uids")), sa.text("holds"))
    .values(holds=False)
    .returning(_o.instance_uid)
)


def release(tx: Tx, instance_uids: Collection[str]) -> set[str]:
    """Hold the next tries of these instances no longer; the answer has those that were held.

    What is still pending is tried on. Reads ``ix_cancel_obligation_holding``.
    """
    released = set(tx.conn.execute(_release, {"uids": list(instance_uids)}).scalars())
    if released:
        tx.ring("scheduled", "starts", "history")
    return released


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


def give_back(tx: Tx, session: str) -> None:
    """Give back what `session` has leased: others try to cancel it."""
    tx.conn.execute(
        sa.update(cancel_obligation).where(sa.text("state = 'pending'"), _o.session == session).values(session=None)
    )
    tx.ring("cancels")


def give_back_others(tx: Tx, session: str, only: str | None = None) -> None:
    """Take the leases of all engines but `session` away."""
    query = (
        sa.update(cancel_obligation)
        .where(sa.text("state = 'pending'"), _o.session.is_not(None), _o.session != session)
        .values(session=None)
    )
    tx.conn.execute(query if only is None else query.where(_o.run_uid == only))
    tx.ring("cancels")
