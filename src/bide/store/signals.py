"""Signals: callback URLs, and what came before anybody waited for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from bide.store.database import Tx
from bide.store.ids import new_id
from bide.store.rowset import listed
from bide.store.schema import UtcTime, signal, task_instance

_s = signal.c


class SignalRow(NamedTuple):
    """A callback URL, or a signal that was sent by name; `outcome` is its event, once that has come."""

    uid: str
    instance_uid: str
    name: str
    token_hash: str | None
    outcome: bytes | None
    received_at: datetime | None
    consumed_at: datetime | None
    created_at: datetime
    expires_at: datetime


_row = sa.select(*(_s[name] for name in SignalRow._fields))
_UIDS = listed("uids")
_early = _row.where(_s.instance_uid.in_(_UIDS), _s.received_at.is_not(None), _s.consumed_at.is_(None)).order_by(
    _s.received_at, _s.uid
)
_by_token = _row.where(_s.token_hash == sa.bindparam("hash"))
_consume = sa.update(signal).where(_s.uid.in_(_UIDS)).values(consumed_at=sa.bindparam("at", type_=UtcTime))
_limit = (
    sa.update(signal)
    .where(
        _s.instance_uid == sa.bindparam("instance"),
        _s.name == sa.bindparam("signal"),
        _s.token_hash.is_not(None),
        _s.received_at.is_(None),
    )
    .values(expires_at=sa.bindparam("at", type_=UtcTime))
)
_delete_of = sa.delete(signal).where(_s.instance_uid.in_(_UIDS))


def insert(
    tx: Tx,
    instance_uid: str,
    name: str,
    *,
    expires_at: datetime,
    token_hash: str | None = None,
    outcome: bytes | None = None,
    consumed: bool = False,
) -> str:
    """A new row's uid: a callback URL if it has a `token_hash`, a signal that came if it has an `outcome`."""
    uid = new_id(tx.now)
    row = SignalRow(
        uid=uid,
        instance_uid=instance_uid,
        name=name,
        token_hash=token_hash,
        outcome=outcome,
        received_at=None if outcome is None else tx.now,
        consumed_at=tx.now if consumed else None,
        created_at=tx.now,
        expires_at=expires_at,
    )
    tx.conn.execute(sa.insert(signal), row._asdict())
    return uid


def find(tx: Tx, token_hash: str) -> SignalRow | None:
    """The callback URL whose token has this hash."""
    row = tx.conn.execute(_by_token, {"hash": token_hash}).one_or_none()
    return None if row is None else SignalRow(*row)


def any_open(tx: Tx, run_uid: str) -> bool:
    """Whether a callback URL of this run may still be called."""
    query = (
        sa.select(_s.uid)
        .join(task_instance, task_instance.c.uid == _s.instance_uid)
        .where(
            task_instance.c.run_uid == run_uid,
            _s.token_hash.is_not(None),
            _s.received_at.is_(None),
            _s.expires_at > tx.now,
        )
        .limit(1)
    )
    return tx.conn.execute(query).first() is not None


def receive(tx: Tx, uid: str, outcome: bytes, *, consumed: bool) -> bool:
    """Store the event of a callback URL; False if it had one already."""
    done = tx.conn.execute(
        sa.update(signal)
        .where(_s.uid == uid, _s.received_at.is_(None))
        .values(outcome=outcome, received_at=tx.now, consumed_at=tx.now if consumed else None)
    )
    return done.rowcount == 1


def early(tx: Tx, instance_uids: Collection[str]) -> list[SignalRow]:
    """Events for these instances that nobody has waited for yet, the oldest first."""
    return [SignalRow(*row) for row in tx.conn.execute(_early, {"uids": list(instance_uids)})]


def consume(tx: Tx, uids: Collection[str]) -> None:
    """A wait has taken these."""
    if uids:
        tx.conn.execute(_consume, {"uids": list(uids), "at": tx.now})


def limit(tx: Tx, instance_uid: str, ends: Mapping[str, datetime]) -> None:
    """Let callback URLs that were not called yet end with the wait for them: `ends` by the name of the signal."""
    if ends:
        tx.conn.execute(_limit, [{"instance": instance_uid, "signal": name, "at": at} for name, at in ends.items()])


def delete_of_instances(tx: Tx, instance_uids: Collection[str]) -> None:
    """Forget all signals and callback URLs of these instances."""
    if instance_uids:
        tx.conn.execute(_delete_of, {"uids": list(instance_uids)})


def delete_expired(tx: Tx, before: datetime, limit: int) -> int:
    """Forget signals whose time was over `before`; how many."""
    chosen = sa.select(_s.uid).where(_s.expires_at <= before).order_by(_s.expires_at).limit(limit)
    return tx.conn.execute(sa.delete(signal).where(_s.uid.in_(chosen.scalar_subquery()))).rowcount


def next_expiry(tx: Tx) -> datetime | None:
    """When the next one's time is over."""
    return tx.conn.execute(sa.select(sa.func.min(_s.expires_at))).scalar_one()
