"""Engine sessions, and the audit log of what people did."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import sqlalchemy as sa

from bide.model.errors import SessionLost
from bide.store.database import Tx
from bide.store.ids import new_id
from bide.store.schema import UtcTime, log, session


class SessionRow(NamedTuple):
    """An engine, past or present."""

    uid: str
    kind: str
    hostname: str
    pid: int
    started_at: datetime
    ended_at: datetime | None


def lost(tx: Tx, uids: Collection[str]) -> set[str]:
    """Those of these sessions that are over, or have been silent for too long."""
    known = {one.uid: one for one in live(tx)}
    return {uid for uid in uids if uid not in known or ((end := known[uid].lost_at) is not None and end < tx.now)}


def get_many(tx: Tx, uids: Collection[str]) -> dict[str, SessionRow]:
    """Sessions by uid."""
    rows = tx.conn.execute(
        sa.select(*(session.c[name] for name in SessionRow._fields)).where(session.c.uid.in_(list(uids)))
    )
    return {row.uid: SessionRow(*row) for row in rows}


def begin(
    tx: Tx,
    *,
    kind: str,
    hostname: str,
    pid: int,
    lost_after: float | None = None,
    queues: Sequence[str] | None = None,
    key: str | None = None,
) -> str:
    """A new session's uid. `lost_after`: seconds of silence; `queues`: of a triggerer, None for all; `key`: the
    fingerprint of the key with which the engine encrypts."""
    uid = new_id(tx.now)
    tx.conn.execute(
        sa.insert(session),
        {
            "uid": uid,
            "kind": kind,
            "hostname": hostname,
            "pid": pid,
            "started_at": tx.now,
            "heartbeat_at": tx.now,
            "lost_after": lost_after,
            "queues": None if queues is None else list(queues),
            "key": key,
        },
    )
    return uid


def end(tx: Tx, uid: str) -> None:
    """The session is over: it ended by itself, or others have found it silent."""
    tx.conn.execute(sa.update(session).where(session.c.uid == uid).values(ended_at=tx.now))


_is_live = sa.text("session.ended_at IS NULL")
_beat = (
    sa.update(session)
    .where(session.c.uid == sa.bindparam("own"), _is_live)
    .values(
        heartbeat_at=sa.bindparam("at", type_=UtcTime),
        key=sa.func.coalesce(sa.bindparam("first", type_=sa.String(16)), session.c.key),
    )
)


def beat(tx: Tx, uid: str, key: str | None = None) -> bool:
    """Say that the session lives, and encrypts with `key` if that is given; False if it was ended meanwhile."""
    return tx.conn.execute(_beat, {"own": uid, "at": tx.now, "first": key}).rowcount > 0


class LiveSession(NamedTuple):
    """A session that nobody has ended."""

    uid: str
    kind: str
    hostname: str
    pid: int
    started_at: datetime
    heartbeat_at: datetime
    lost_after: float | None
    queues: list[str] | None
    key: str | None

    @property
    def lost_at(self) -> datetime | None:
        """When it is lost if it says nothing until then."""
        return None if self.lost_after is None else self.heartbeat_at + timedelta(seconds=self.lost_after)


_live = sa.select(*(session.c[name] for name in LiveSession._fields)).where(_is_live)
_locked = _live.where(session.c.uid == sa.bindparam("own")).with_for_update(skip_locked=True)
_held = (
    sa.select(session.c.ended_at)
    .where(session.c.uid == sa.bindparam("own"))
    .with_for_update(read=True, key_share=True)
)


def live(tx: Tx) -> list[LiveSession]:
    """The sessions that nobody has ended. Reads ``ix_session_live``."""
    return [LiveSession(*row) for row in tx.conn.execute(_live)]


#: Kinds of engines that run tasks of the whole store.
RUNNING_TASKS: Final = frozenset({"standalone", "scheduler"})


def first_scheduling(tx: Tx) -> str | None:
    """The session that has run tasks of the whole store for longest, of those that nobody has ended."""
    found = tx.conn.execute(_live.where(session.c.kind.in_(RUNNING_TASKS)).order_by(session.c.uid).limit(1)).first()
    return None if found is None else found.uid


#: Kinds of engines that run triggers of the whole store.
_TRIGGERING: Final = frozenset({"standalone", "triggerer"})


def count_triggering(tx: Tx, queues: Collection[str] | None) -> int:
    """How many live engines run triggers of any of `queues`; None for all."""
    return sum(
        one.kind in _TRIGGERING
        and (queues is None or one.queues is None or not frozenset(queues).isdisjoint(one.queues))
        for one in live(tx)
    )


def lock(tx: Tx, uid: str) -> LiveSession | None:
    """The session as it is now, locked; None if it is over, or if somebody else is about to end it."""
    row = tx.conn.execute(_locked, {"own": uid}).one_or_none()
    return None if row is None else LiveSession(*row)


def hold(tx: Tx, uid: str) -> None:
    """The session takes something over: nobody may end it before that is done.

    Raises :class:`SessionLost` if it is over. What it took would then stay with it for ever.
    """
    if not may_take(tx, uid):
        raise SessionLost("this engine was silent for too long: others have taken over what it had")


def may_take(tx: Tx, uid: str) -> bool:
    """As :func:`hold`; False if the session is over."""
    return not tx.shared or tx.conn.execute(_held, {"own": uid}).scalar_one_or_none() is None


def audit(
    tx: Tx,
    event: str,
    *,
    owner: str,
    dag_id: str | None = None,
    run_id: str | None = None,
    task_id: str | None = None,
    extra: str = "",
) -> None:
    """Append to the audit log."""
    tx.conn.execute(
        sa.insert(log),
        {
            "dttm": tx.now,
            "event": event,
            "owner": owner,
            "dag_id": dag_id,
            "run_id": run_id,
            "task_id": task_id,
            "extra": extra,
        },
    )
