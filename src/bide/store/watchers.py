"""Triggers that watch assets: which there are, their leases, and what has become of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from bide.store.claiming import free, not_elsewhere
from bide.store.database import Tx
from bide.store.ids import new_id
from bide.store.rowset import listed
from bide.store.schema import UtcTime, asset, asset_watcher, asset_watcher_dag, dag
from bide.store.scoping import in_queues, queues_given
from bide.store.upserting import upsert

_w, _r = asset_watcher.c, asset_watcher_dag.c


class WatcherRow(NamedTuple):
    """One trigger that watches an asset. `kwargs` is sealed in the database."""

    uid: str
    asset_uid: str
    name: str
    hash: str
    kind: str
    classpath: str
    kwargs: bytes
    subject: str
    queue: str
    group_key: str | None
    interval: float | None
    dag_file: str
    dag_folder: str
    created_at: datetime
    session: str | None = None
    token: int = 0
    leased_at: datetime | None = None
    retry_at: datetime | None = None
    failures: int = 0
    error: str = ""
    events: int = 0
    duplicates: int = 0
    last_event_at: datetime | None = None
    last_key: str = ""
    lag: float | None = None


class WatchedAsset(NamedTuple):
    """A watcher, and what it watches."""

    watcher: WatcherRow
    asset_name: str
    asset_uri: str


class Key(NamedTuple):
    """What tells a watcher from others."""

    asset_uid: str
    name: str
    hash: str


_row = sa.select(*(_w[name] for name in WatcherRow._fields))
#: What :func:`read` reads.
with_asset = _row.add_columns(asset.c.name.label("asset_name"), asset.c.uri.label("asset_uri")).join(
    asset, asset.c.uid == _w.asset_uid
)
_by_uid = with_asset.where(_w.uid.in_(listed("uids")))
_locked = _by_uid.with_for_update(of=asset_watcher)


def read(row: sa.Row[Any]) -> WatchedAsset:
    """One of the rows that :data:`with_asset` selects."""
    values: list[Any] = list(row)
    return WatchedAsset(WatcherRow(*values[:-2]), *values[-2:])


def get_many(tx: Tx, uids: Collection[str], *, lock: bool = False) -> dict[str, WatchedAsset]:
    """Watchers by uid; with `lock` nobody else changes them meanwhile."""
    if not uids:
        return {}
    found = [read(row) for row in tx.conn.execute(_locked if lock else _by_uid, {"uids": list(uids)})]
    return {one.watcher.uid: one for one in found}


# --- which there are ----------------------------------------------------------------------------------------------

_of_dags = (
    sa.select(_r.dag_id, _w.uid, _w.dag_file, _w.asset_uid, _w.name, _w.hash)
    .join(asset_watcher, _w.uid == _r.watcher_uid)
    .where(_r.dag_id.in_(listed("dags")))
)
_of_assets = sa.select(_w.uid, _w.asset_uid, _w.name, _w.hash).where(_w.asset_uid.in_(listed("assets")))
_insert = upsert(asset_watcher).on_conflict_do_nothing()
_link = upsert(asset_watcher_dag).on_conflict_do_nothing()
_unlink = sa.delete(asset_watcher_dag).where(
    _r.dag_id == sa.bindparam("of"), _r.watcher_uid == sa.bindparam("which")
)
_orphans = sa.delete(asset_watcher).where(_w.uid.in_(listed("uids")), ~sa.exists().where(_r.watcher_uid == _w.uid))


class Known(NamedTuple):
    """A watcher that a DAG has."""

    dag_id: str
    uid: str
    dag_file: str
    key: Key


def of_dags(tx: Tx, dag_ids: Collection[str]) -> list[Known]:
    """The watchers of these DAGs."""
    if not dag_ids:
        return []
    rows = tx.conn.execute(_of_dags, {"dags": sorted(dag_ids)})
    return [Known(dag_id, uid, dag_file, Key(*key)) for dag_id, uid, dag_file, *key in rows]


def insert(tx: Tx, rows: Iterable[WatcherRow]) -> dict[Key, str]:
    """The uids of these watchers, by key; those that are new are inserted, without a uid of their own."""
    new = {Key(row.asset_uid, row.name, row.hash): row for row in rows}
    if not new:
        return {}
    tx.conn.execute(_insert, [row._replace(uid=new_id(tx.now))._asdict() for _, row in sorted(new.items())])
    found = tx.conn.execute(_of_assets, {"assets": sorted({key.asset_uid for key in new})})
    return {key: uid for uid, *parts in found if (key := Key(*parts)) in new}


_move = (
    sa.update(asset_watcher)
    .where(_w.uid == sa.bindparam("which"))
    .values(dag_file=sa.bindparam("file"), dag_folder=sa.bindparam("folder"))
)


def move(tx: Tx, uids: Collection[str], dag_file: str, dag_folder: str) -> None:
    """The classes of these are found by another file from now on."""
    if uids:
        tx.conn.execute(_move, [{"which": uid, "file": dag_file, "folder": dag_folder} for uid in sorted(uids)])


def link(tx: Tx, links: Collection[tuple[str, str]]) -> None:
    """These DAGs have these watchers, from now on: (DAG, uid)."""
    if links:
        tx.conn.execute(_link, [{"dag_id": dag_id, "watcher_uid": uid} for dag_id, uid in sorted(links)])
        tx.ring("watchers")


def unlink(tx: Tx, links: Collection[tuple[str, str]]) -> None:
    """These DAGs have these watchers no more; one that no DAG has is deleted."""
    if links:
        tx.conn.execute(_unlink, [{"of": dag_id, "which": uid} for dag_id, uid in sorted(links)])
        tx.conn.execute(_orphans, {"uids": sorted({uid for _, uid in links})})
        tx.ring("drops")


# --- leases -------------------------------------------------------------------------------------------------------

#: Whether an active DAG has it that is not paused.
is_wanted = sa.exists().where(
    _r.watcher_uid == _w.uid, dag.c.dag_id == _r.dag_id, dag.c.is_active, ~dag.c.is_paused
)
_unclaimed = (
    sa.select(_w.uid)
    .where(
        _w.session.is_(None),
        sa.or_(_w.retry_at.is_(None), _w.retry_at <= sa.bindparam("now", type_=UtcTime)),
        is_wanted,
        in_queues(_w.queue),
        not_elsewhere(asset_watcher),
    )
    .order_by(_w.created_at)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_claim = (
    sa.update(asset_watcher)
    .where(_w.uid.in_(free(_unclaimed)))
    .values(
        session=sa.bindparam("by"),
        token=_w.token + 1,
        leased_at=sa.bindparam("now", type_=UtcTime),
        retry_at=sa.null(),
    )
    .returning(_w.uid)
)
_count_unclaimed = sa.select(sa.func.count()).select_from(_unclaimed.subquery())


def count_unclaimed(tx: Tx, session: str, at_most: int, queues: Collection[str] | None = None) -> int:
    """How many watchers :func:`claim` could lease now, counted up to `at_most`."""
    values = {"by": session, "limit": at_most, "now": tx.now, **queues_given(queues)}
    return tx.conn.execute(_count_unclaimed, values).scalar_one()


def claim(tx: Tx, session: str, limit: int, queues: Collection[str] | None = None) -> list[WatchedAsset]:
    """Lease up to `limit` watchers of `queues` (None: all) to `session`, each under a new token.

    Only such as an active DAG has that is not paused.
    """
    values = {"by": session, "limit": limit, "now": tx.now, **queues_given(queues)}
    return list(get_many(tx, list(tx.conn.execute(_claim, values).scalars())).values())


_next_retry = sa.select(sa.func.min(_w.retry_at)).where(_w.session.is_(None), is_wanted)


def next_retry(tx: Tx) -> datetime | None:
    """When the next of those that have failed runs again."""
    return tx.conn.execute(_next_retry).scalar_one()


_given_back: dict[str, Any] = {"session": sa.null(), "leased_at": sa.null(), "token": _w.token + 1}
_release = sa.update(asset_watcher).where(_w.session == sa.bindparam("by")).values(_given_back)
_release_some = _release.where(_w.uid.in_(listed("uids")))
_release_others = (
    sa.update(asset_watcher).where(_w.session.is_not(None), _w.session != sa.bindparam("by")).values(_given_back)
)
_stop_unwanted = sa.update(asset_watcher).where(_w.session.is_not(None), ~is_wanted).values(_given_back)


def release(tx: Tx, session: str, uids: Collection[str] | None = None) -> int:
    """Give leases of `session` back, all or those of `uids`; late events of their old token are refused."""
    answer = (
        tx.conn.execute(_release, {"by": session})
        if uids is None
        else tx.conn.execute(_release_some, {"by": session, "uids": list(uids)})
    )
    if answer.rowcount:
        tx.ring("watchers")
    return answer.rowcount


def release_others(tx: Tx, session: str) -> int:
    """Take the leases of all engines but `session` away."""
    tx.ring("watchers")
    return tx.conn.execute(_release_others, {"by": session}).rowcount


def held(tx: Tx, session: str) -> set[str]:
    """The watchers that `session` has leased."""
    return set(tx.conn.execute(sa.select(_w.uid).where(_w.session == session)).scalars())


_forgive = (
    sa.update(asset_watcher)
    .where(
        _w.retry_at.is_not(None),
        _w.uid.in_(sa.select(_r.watcher_uid).where(_r.dag_id == sa.bindparam("of"))),
    )
    .values(retry_at=sa.null(), failures=0)
)


def follow_dags(tx: Tx, unpaused: str | None = None) -> None:
    """DAGs were paused, unpaused or deactivated: watchers that nobody wants are stopped, others run again.

    Those of the DAG `unpaused` that have failed run at once.
    """
    if unpaused is not None:
        tx.conn.execute(_forgive, {"of": unpaused})
        tx.ring("watchers")
    if tx.conn.execute(_stop_unwanted).rowcount:
        tx.ring("drops")


# --- what became of them ------------------------------------------------------------------------------------------


class Made(NamedTuple):
    """What a watcher has made under its lease: how many events, and how many that were there already."""

    uid: str
    events: int
    duplicates: int
    last_key: str
    lag: float | None


_note_made = (
    sa.update(asset_watcher)
    .where(_w.uid == sa.bindparam("which"))
    .values(
        events=_w.events + sa.bindparam("more", type_=sa.Integer),
        duplicates=_w.duplicates + sa.bindparam("again", type_=sa.Integer),
        last_event_at=sa.bindparam("at", type_=UtcTime),
        last_key=sa.bindparam("last"),
        lag=sa.bindparam("late", type_=sa.Float),
        failures=0,
        error="",
    )
)


def note_made(tx: Tx, made: Sequence[Made]) -> None:
    """Note what came of watchers."""
    if made:
        tx.conn.execute(
            _note_made,
            [
                {
                    "which": one.uid,
                    "more": one.events,
                    "again": one.duplicates,
                    "at": tx.now,
                    "last": one.last_key,
                    "late": one.lag,
                }
                for one in made
            ],
        )


class Stop(NamedTuple):
    """A watcher whose trigger has ended: by itself, or with an `error`."""

    uid: str
    failures: int
    error: str
    retry_at: datetime | None


_note_stop = (
    sa.update(asset_watcher)
    .where(_w.uid == sa.bindparam("which"))
    .values(
        **_given_back,
        failures=sa.bindparam("times", type_=sa.Integer),
        error=sa.bindparam("why"),
        retry_at=sa.bindparam("again", type_=UtcTime),
    )
)


def note_stops(tx: Tx, stops: Sequence[Stop]) -> None:
    """Give the leases of these back, and note when they run again."""
    if stops:
        tx.conn.execute(
            _note_stop,
            [{"which": one.uid, "times": one.failures, "why": one.error, "again": one.retry_at} for one in stops],
        )
        tx.ring("watchers", "drops")
