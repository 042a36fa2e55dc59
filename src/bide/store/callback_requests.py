"""Callback requests: what is to be called because something has ended, until it was called."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from bide.store.claiming import free
from bide.store.database import Tx
from bide.store.rowset import listed
from bide.store.schema import UtcTime, callback_failure, callback_request
from bide.store.scoping import in_scope

_c = callback_request.c


class CallbackRow(NamedTuple):
    """One request."""

    uid: str
    instance_uid: str
    run_uid: str
    epoch: int
    try_number: int
    event: str
    previous_state: str
    error: str
    ended_at: datetime
    due_at: datetime
    attempts: int
    session: str | None


_insert = sa.insert(callback_request)


def insert(tx: Tx, rows: Sequence[CallbackRow]) -> None:
    """Store requests."""
    if rows:
        tx.conn.execute(_insert, [row._asdict() for row in rows])
        tx.ring("callbacks")


_due = (
    sa.select(_c.uid)
    .where(
        sa.text("callback_request.session IS NULL"),
        _c.due_at <= sa.bindparam("now", type_=UtcTime),
        in_scope(_c.run_uid),
    )
    .order_by(_c.due_at)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_claim = (
    sa.update(callback_request)
    .where(_c.uid.in_(free(_due)))
    .values(session=sa.bindparam("by"), attempts=_c.attempts + 1)
    .returning(*(_c[name] for name in CallbackRow._fields))
)


def claim(tx: Tx, session: str, limit: int, only: str | None = None) -> list[CallbackRow]:
    """Lease requests that are due, the oldest first. Reads ``ix_callback_request_due``."""
    values = {"by": session, "limit": limit, "now": tx.now, "only": only}
    return [CallbackRow(*row) for row in tx.conn.execute(_claim, values)]


_next_due = sa.select(sa.func.min(_c.due_at)).where(
    sa.text("callback_request.session IS NULL"), in_scope(_c.run_uid)
)


def next_due(tx: Tx, only: str | None = None) -> datetime | None:
    """When the next one that nobody has may be called. Reads ``ix_callback_request_due``."""
    return tx.conn.execute(_next_due, {"only": only}).scalar_one()


_of_ending = sa.and_(_c.instance_uid == sa.bindparam("instance"), _c.epoch == sa.bindparam("under"))
_exists = sa.select(sa.exists().where(_of_ending))
#: What a run asks for goes by one of its instances, but is not that one's worker's business.
_of_task = _c.event.in_(("success", "failure", "retry", "skipped"))
_delete_of_ending = sa.delete(callback_request).where(_of_ending, _of_task)
_give_back = (
    sa.update(callback_request)
    .where(_of_ending, _of_task)
    .values(session=sa.null(), due_at=sa.bindparam("at", type_=UtcTime))
)


def exists(tx: Tx, instance_uid: str, epoch: int) -> bool:
    """Whether something is being called for what ended under `epoch`."""
    return tx.conn.execute(_exists, {"instance": instance_uid, "under": epoch}).scalar_one()


def settle_ending(tx: Tx, instance_uid: str, epoch: int) -> None:
    """All has been called that this ending asked for."""
    tx.conn.execute(_delete_of_ending, {"instance": instance_uid, "under": epoch})
    tx.ring("history")


def give_back(tx: Tx, instance_uid: str, epoch: int) -> None:
    """The worker that ended the instance died before it had called everything."""
    tx.conn.execute(_give_back, {"instance": instance_uid, "under": epoch, "at": tx.now})
    tx.ring("callbacks")


_owner = sa.select(_c.instance_uid).where(_c.uid == sa.bindparam("one"))
_insert_failures = sa.insert(callback_failure)
_failures = (
    sa.select(callback_failure.c.instance_uid, callback_failure.c.error)
    .where(callback_failure.c.instance_uid.in_(listed("uids")))
    .order_by(callback_failure.c.id)
)


def owner(tx: Tx, uid: str) -> str | None:
    """The instance that a request is about."""
    return tx.conn.execute(_owner, {"one": uid}).scalar_one_or_none()


def keep_failures(tx: Tx, instance_uid: str, failures: Sequence[str]) -> None:
    """Keep why callbacks of an instance failed."""
    rows = [{"instance_uid": instance_uid, "at": tx.now, "error": error} for error in failures]
    tx.conn.execute(_insert_failures, rows)
    tx.ring("history")


def list_failures(tx: Tx, instance_uids: Collection[str]) -> dict[str, list[str]]:
    """Why callbacks of these instances failed, the oldest first, for those of which some did."""
    found: dict[str, list[str]] = {}
    for uid, error in tx.conn.execute(_failures, {"uids": list(instance_uids)}):
        found.setdefault(uid, []).append(error)
    return found


_delete = sa.delete(callback_request).where(_c.uid == sa.bindparam("one"))
_postpone = (
    sa.update(callback_request)
    .where(_c.uid == sa.bindparam("one"))
    .values(session=sa.null(), due_at=sa.bindparam("at", type_=UtcTime))
)


def settle(tx: Tx, uid: str) -> None:
    """It was called, or is given up."""
    tx.conn.execute(_delete, {"one": uid})
    tx.ring("history")


def postpone(tx: Tx, uid: str, due_at: datetime) -> None:
    """Let it be called again at `due_at`."""
    tx.conn.execute(_postpone, {"one": uid, "at": due_at})
    tx.ring("callbacks")


_release = (
    sa.update(callback_request)
    .where(sa.text("callback_request.session IS NOT NULL"), _c.session == sa.bindparam("by"))
    .values(session=sa.null())
)


def release(tx: Tx, session: str) -> None:
    """Give back what `session` has leased. Reads ``ix_callback_request_session``."""
    tx.conn.execute(_release, {"by": session})
    tx.ring("callbacks")


_release_others = (
    sa.update(callback_request)
    .where(
        sa.text("callback_request.session IS NOT NULL"),
        _c.session != sa.bindparam("by"),
        in_scope(_c.run_uid),
    )
    .values(session=sa.null())
)


def release_others(tx: Tx, session: str, only: str | None = None) -> int:
    """Take the leases of all engines but `session` away. Reads ``ix_callback_request_session``."""
    tx.ring("callbacks")
    return tx.conn.execute(_release_others, {"by": session, "only": only}).rowcount


_pending = sa.select(sa.func.count()).where(_c.run_uid == sa.bindparam("run"))


def pending(tx: Tx, run_uid: str) -> int:
    """How many of a run have not been called. Reads ``ix_callback_request_run``."""
    return tx.conn.execute(_pending, {"run": run_uid}).scalar_one()
