"""Waits: rows of deferred instances, their leases and their ends."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from bide.store.claiming import free, not_elsewhere
from bide.store.database import Tx
from bide.store.rowset import listed
from bide.store.schema import UtcTime, cancel_obligation, resume, wait
from bide.store.scoping import in_queues, in_scope, queues_given

_w = wait.c


class WaitRow(NamedTuple):
    """One wait: a root, which knows where its instance goes on, or a part of a tree of them."""

    uid: str
    instance_uid: str
    run_uid: str
    epoch: int
    kind: str
    classpath: str
    kwargs: bytes
    subject: str
    has_on_kill: bool
    armed_at: datetime
    interval: float | None = None
    due_at: datetime | None = None
    outcome: bytes | None = None
    method: str | None = None
    resume_kwargs: bytes = b""
    deadline: datetime | None = None
    session: str | None = None
    token: int = 0
    parent_uid: str | None = None
    #: Among its siblings.
    name: str = ""
    needed: int | None = None
    ended_at: datetime | None = None
    error: str = ""
    signal_name: str | None = None
    queue: str = "default"
    group_key: str | None = None


_row = sa.select(*(_w[name] for name in WaitRow._fields))


_insert = sa.insert(wait)


def insert(tx: Tx, rows: Sequence[WaitRow]) -> None:
    """Store waits."""
    if not rows:
        return
    tx.conn.execute(_insert, [row._asdict() for row in rows])
    if any(row.kind in ("poll", "stream") for row in rows):
        tx.ring("waits")
    if any(row.kind == "start" for row in rows):
        tx.ring("starts")
    if any(row.due_at is not None or row.deadline is not None for row in rows):
        tx.ring("timers")


_UIDS = listed("uids")
_by_uid = _row.where(_w.uid.in_(_UIDS))
_by_instance = _row.where(_w.instance_uid.in_(_UIDS))
_delete = sa.delete(wait).where(_w.uid.in_(_UIDS))


def get_many(tx: Tx, uids: Collection[str]) -> dict[str, WaitRow]:
    """Waits by uid."""
    rows = tx.conn.execute(_by_uid, {"uids": list(uids)})
    return {row.uid: row for row in (WaitRow(*one) for one in rows)}


def of_instances(tx: Tx, instance_uids: Collection[str]) -> list[WaitRow]:
    """The waits of these instances."""
    return [WaitRow(*row) for row in tx.conn.execute(_by_instance, {"uids": list(instance_uids)})]


_of_trees = _by_instance.order_by(_w.ended_at, _w.uid).with_for_update()
_end_part = (
    sa.update(wait)
    .where(_w.uid == sa.bindparam("part"))
    .values(
        ended_at=sa.bindparam("at", type_=UtcTime),
        outcome=sa.bindparam("found"),
        error=sa.bindparam("failure"),
        session=sa.null(),
        due_at=sa.null(),
        deadline=sa.null(),
    )
)


def lock_trees(tx: Tx, instance_uids: Collection[str]) -> list[WaitRow]:
    """All parts of these instances' waits, those that have ended first and in their order. Locks the rows."""
    return [WaitRow(*row) for row in tx.conn.execute(_of_trees, {"uids": list(instance_uids)})]


class PartEnd(NamedTuple):
    """How a part of a tree ended: with an `outcome` or with an `error`."""

    uid: str
    outcome: bytes | None
    error: str


def end_parts(tx: Tx, ends: Sequence[PartEnd]) -> None:
    """Note how parts of trees ended; they stay until the whole is over."""
    if ends:
        tx.conn.execute(
            _end_part, [{"part": one.uid, "at": tx.now, "found": one.outcome, "failure": one.error} for one in ends]
        )


_signals = _row.where(
    _w.instance_uid == sa.bindparam("instance"),
    _w.signal_name == sa.bindparam("signal"),
    _w.ended_at.is_(None),
).order_by(_w.uid)


def for_signal(tx: Tx, instance_uid: str, name: str) -> WaitRow | None:
    """The wait of this instance for the signal `name`; the oldest if there are several."""
    row = tx.conn.execute(_signals, {"instance": instance_uid, "signal": name}).first()
    return None if row is None else WaitRow(*row)


def delete(tx: Tx, uids: Collection[str], *, ring: bool = True) -> None:
    """Remove waits that have ended; `ring` unless their triggers know that."""
    if uids:
        tx.conn.execute(_delete, {"uids": list(uids)})
        if ring:
            tx.ring("drops")


def _up_to(column: sa.ColumnElement[datetime | None]) -> sa.Select[*tuple[Any, ...]]:
    """The waits whose `column` is not later than now, the earliest first."""
    return (
        _row.where(column <= sa.bindparam("now", type_=UtcTime), in_scope(_w.run_uid))
        .order_by(column)
        .limit(sa.bindparam("limit", type_=sa.Integer))
    )


def _earliest(column: sa.ColumnElement[datetime | None]) -> sa.Select[*tuple[Any, ...]]:
    return sa.select(sa.func.min(column)).where(column.is_not(None), in_scope(_w.run_uid))


_due, _next_timer = _up_to(_w.due_at), _earliest(_w.due_at)
_overdue, _next_deadline = _up_to(_w.deadline), _earliest(_w.deadline)


def due_timers(tx: Tx, limit: int, only: str | None = None) -> list[WaitRow]:
    """Timers that are due, the longest due first. Reads ``ix_wait_due``."""
    rows = tx.conn.execute(_due, {"now": tx.now, "limit": limit, "only": only})
    return [WaitRow(*row) for row in rows]


def next_timer(tx: Tx, only: str | None = None) -> datetime | None:
    """When the next timer is due."""
    return tx.conn.execute(_next_timer, {"only": only}).scalar_one()


def overdue(tx: Tx, limit: int, only: str | None = None) -> list[WaitRow]:
    """Waits whose deadline has passed. Reads ``ix_wait_deadline``."""
    rows = tx.conn.execute(_overdue, {"now": tx.now, "limit": limit, "only": only})
    return [WaitRow(*row) for row in rows]


def next_deadline(tx: Tx, only: str | None = None) -> datetime | None:
    """The nearest deadline of a wait."""
    return tx.conn.execute(_next_deadline, {"only": only}).scalar_one()


_is_unclaimed = sa.text("wait.session IS NULL AND wait.kind IN ('poll', 'stream') AND wait.ended_at IS NULL")
_unclaimed = (
    sa.select(_w.uid)
    .where(
        _is_unclaimed,
        in_queues(_w.queue),
        in_scope(_w.run_uid),
        not_elsewhere(wait),
    )
    .order_by(_w.armed_at)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_claim = (
    sa.update(wait)
    .where(_w.uid.in_(free(_unclaimed)))
    .values(session=sa.bindparam("by"), token=_w.token + 1)
    .returning(*(_w[name] for name in WaitRow._fields))
)


_any_unclaimed = sa.select(sa.select(_w.uid).where(_is_unclaimed).exists())


def any_unclaimed(tx: Tx) -> bool:
    """Whether any wait is unclaimed, whoever could claim it. Reads ``ix_wait_unclaimed``."""
    return tx.conn.execute(_any_unclaimed).scalar_one()


_count_unclaimed = sa.select(sa.func.count()).select_from(_unclaimed.subquery())


def count_unclaimed(
    tx: Tx, session: str, at_most: int, only: str | None = None, queues: Collection[str] | None = None
) -> int:
    """How many waits :func:`claim` could lease now, counted up to `at_most`."""
    values = {"by": session, "limit": at_most, "only": only, **queues_given(queues)}
    return tx.conn.execute(_count_unclaimed, values).scalar_one()


def claim(
    tx: Tx, session: str, limit: int, only: str | None = None, queues: Collection[str] | None = None
) -> list[WaitRow]:
    """Lease up to `limit` unclaimed waits of `queues` (None: all) to `session`, the oldest first, each under a new
    token. All waits of a group that are leased are leased to one session.

    Reads ``ix_wait_unclaimed`` and ``ix_wait_group``; locks the rows that it leases.
    """
    values = {"by": session, "limit": limit, "only": only, **queues_given(queues)}
    return [WaitRow(*row) for row in tx.conn.execute(_claim, values)]


_unclaimed_starts = (
    sa.select(_w.uid)
    .where(
        sa.text("wait.session IS NULL AND wait.kind = 'start'"),
        ~sa.exists().where(cancel_obligation.c.instance_uid == _w.instance_uid, sa.text("cancel_obligation.holds")),
        in_scope(_w.run_uid),
    )
    .order_by(_w.armed_at)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_claim_starts = (
    sa.update(wait)
    .where(_w.uid.in_(free(_unclaimed_starts)))
    .values(session=sa.bindparam("by"), token=_w.token + 1)
    .returning(*(_w[name] for name in WaitRow._fields))
)


def claim_starts(tx: Tx, session: str, limit: int, only: str | None = None) -> list[WaitRow]:
    """Lease up to `limit` starts to `session`, as :func:`claim` does with waits.

    Whatever the queue: that is known only once the wait is made. Those are left out whose instance is held until
    external work of an earlier try is cancelled. Reads ``ix_wait_start`` and ``ix_cancel_obligation_holding``.
    """
    return [WaitRow(*row) for row in tx.conn.execute(_claim_starts, {"by": session, "limit": limit, "only": only})]


_release = sa.update(wait).where(_w.session == sa.bindparam("by")).values(session=sa.null(), token=_w.token + 1)
_release_some = _release.where(_w.uid.in_(_UIDS))


def release(tx: Tx, session: str, uids: Collection[str] | None = None) -> int:
    """Give leases of `session` back, all or those of `uids`; late events of their old token are refused."""
    tx.ring("waits", "starts")
    if uids is None:
        return tx.conn.execute(_release, {"by": session}).rowcount
    return tx.conn.execute(_release_some, {"by": session, "uids": uids}).rowcount


def release_others(tx: Tx, session: str, only: str | None = None) -> int:
    """Take the leases of all engines but `session` away."""
    query = (
        sa.update(wait)
        .where(sa.text("session IS NOT NULL"), _w.session != session)
        .values(session=None, token=_w.token + 1)
    )
    tx.ring("waits", "starts", "timers")
    return tx.conn.execute(query if only is None else query.where(_w.run_uid == only)).rowcount


def held(tx: Tx, session: str) -> set[str]:
    """The waits that `session` has leased. Reads ``ix_wait_session``."""
    return set(tx.conn.execute(sa.select(_w.uid).where(_w.session == session)).scalars())


class ResumeRow(NamedTuple):
    """Where an instance goes on after its wait."""

    instance_uid: str
    method: str
    kwargs: bytes
    event: bytes


_insert_resumes = sa.insert(resume)
_resumes = sa.select(*(resume.c[name] for name in ResumeRow._fields)).where(resume.c.instance_uid.in_(_UIDS))
_delete_resumes = sa.delete(resume).where(resume.c.instance_uid.in_(_UIDS))


def put_resumes(tx: Tx, rows: Sequence[ResumeRow]) -> None:
    """Store where these instances go on."""
    if rows:
        tx.conn.execute(_insert_resumes, [row._asdict() for row in rows])


def get_resumes(tx: Tx, instance_uids: Collection[str]) -> dict[str, ResumeRow]:
    """Where these instances go on, for those that do."""
    if not instance_uids:
        return {}
    rows = tx.conn.execute(_resumes, {"uids": list(instance_uids)})
    return {row.instance_uid: row for row in (ResumeRow(*one) for one in rows)}


def delete_resumes(tx: Tx, instance_uids: Collection[str]) -> None:
    """The segment that began with these is over."""
    if instance_uids:
        tx.conn.execute(_delete_resumes, {"uids": list(instance_uids)})
