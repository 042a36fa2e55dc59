"""How far streams were read, and which of their messages were taken."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import sqlalchemy as sa

from bide.store.database import Tx
from bide.store.rowset import listed
from bide.store.schema import UtcTime, asset_watcher, checkpoint, taken_message, wait
from bide.store.upserting import upsert
from bide.store.watchers import is_wanted

_c, _m, _w, _a = checkpoint.c, taken_message.c, wait.c, asset_watcher.c

#: How long a message is remembered that may be delivered again, and a checkpoint that nobody waits behind.
_KEPT: Final = timedelta(days=7)


class CheckpointRow(NamedTuple):
    """How far a stream was read. `value` is sealed in the database."""

    name: str
    value: bytes
    #: Waits that began at this moment or before have been offered all that lies before it.
    covers: datetime
    saved_at: datetime


_of_names = sa.select(*(_c[name] for name in CheckpointRow._fields)).where(_c.name.in_(listed("names")))


def get_checkpoints(tx: Tx, names: Collection[str]) -> dict[str, CheckpointRow]:
    """Checkpoints by name, of those that have one."""
    if not names:
        return {}
    rows = tx.conn.execute(_of_names, {"names": sorted(names)})
    return {row.name: CheckpointRow(*row) for row in rows}


_insert = upsert(checkpoint)
_save = _insert.on_conflict_do_update(
    index_elements=["name"],
    set_={name: _insert.excluded[name] for name in ("value", "covers", "saved_at")},
)
_at = sa.bindparam("at", type_=UtcTime)
_group = sa.bindparam("group", type_=sa.String)
#: Waits, or watchers that are to run, which have groups of their own.
_members = sa.union_all(
    sa.select(_w.session).where(
        sa.or_(_w.group_key == _group, _w.uid == _group), _w.ended_at.is_(None), _w.armed_at <= _at
    ),
    sa.select(_a.session).where(sa.or_(_a.group_key == _group, _a.uid == _group), is_wanted, _a.created_at <= _at),
).subquery()
_count = sa.select(sa.func.count(), sa.func.count().filter(_members.c.session == sa.bindparam("by"))).select_from(
    _members
)
_forget = sa.delete(checkpoint).where(
    _c.saved_at < sa.bindparam("before", type_=UtcTime),
    ~sa.exists().where(_w.group_key == _c.name),
    ~sa.exists().where(_w.uid == _c.name),
    ~sa.exists().where(sa.or_(_a.group_key == _c.name, _a.uid == _c.name)),
)


def save_checkpoint(tx: Tx, session: str, name: str, value: bytes, covers: datetime, members: int) -> bool:
    """Store a checkpoint, in place of the last one of that name.

    False, and nothing is stored, unless exactly `members` waits or watchers of that name have begun at `covers` or
    before and `session` has leased all of them.
    """
    waiting, leased = tx.conn.execute(_count, {"group": name, "by": session, "at": covers}).one()
    if not waiting == leased == members:
        return False
    tx.conn.execute(_save, {"name": name, "value": value, "covers": covers, "saved_at": tx.now})
    tx.conn.execute(_forget, {"before": tx.now - _KEPT})
    return True


class TakenMessage(NamedTuple):
    """A message that is for one wait only."""

    stream: str
    message: str


_take = upsert(taken_message).on_conflict_do_nothing().returning(_m.stream, _m.message)
_release = sa.delete(taken_message).where(_m.stream == sa.bindparam("of"), _m.message == sa.bindparam("which"))
_find = sa.select(_m.message).where(_m.stream == sa.bindparam("of"), _m.message.in_(listed("messages")))
_forget_taken = sa.delete(taken_message).where(_m.taken_at < sa.bindparam("before", type_=UtcTime))


def take(tx: Tx, message: TakenMessage) -> bool:
    """Note that `message` has its wait; False if it had one already."""
    return bool(take_many(tx, {message}))


def take_many(tx: Tx, messages: Collection[TakenMessage]) -> set[TakenMessage]:
    """As :func:`take`; the answer has those that had none."""
    if not messages:
        return set()
    rows = [{**one._asdict(), "taken_at": tx.now} for one in sorted(messages)]
    return {TakenMessage(*row) for row in tx.conn.execute(_take, rows)}


def put_back(tx: Tx, message: TakenMessage) -> None:
    """`message` has no wait after all; for one that was taken in this transaction."""
    tx.conn.execute(_release, {"of": message.stream, "which": message.message})


def taken(tx: Tx, messages: Collection[TakenMessage]) -> set[TakenMessage]:
    """Those of `messages` that have had their wait."""
    by_stream: dict[str, list[str]] = {}
    for one in messages:
        by_stream.setdefault(one.stream, []).append(one.message)
    return {
        TakenMessage(stream, message)
        for stream, asked in by_stream.items()
        for message in tx.conn.execute(_find, {"of": stream, "messages": asked}).scalars()
    }


def forget_taken(tx: Tx) -> None:
    """Forget messages that were taken so long ago that they won't come again."""
    tx.conn.execute(_forget_taken, {"before": tx.now - _KEPT})
