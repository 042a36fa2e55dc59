"""Events of assets, and which DAG is to have which."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import sqlalchemy as sa

from bide.model.assets import AssetFacts, AssetMention
from bide.store import assets
from bide.store.database import Tx
from bide.store.rowset import ROWS, Text, encode_rows, listed, rowset
from bide.store.schema import asset_delivery, asset_event, asset_mark, asset_reference, dag
from bide.store.upserting import upsert

_d, _e, _r = asset_delivery.c, asset_event.c, asset_reference.c


class EventRow(NamedTuple):
    """One event. `extra` is sealed in the database."""

    uid: str
    asset_uid: str
    timestamp: datetime
    extra: bytes
    source_dag_id: str | None
    source_task_id: str | None
    source_run_id: str | None
    source_map_index: int
    made_by: str
    aliases: Sequence[str]


def insert(tx: Tx, rows: Sequence[EventRow]) -> None:
    """Append events."""
    if rows:
        tx.conn.execute(sa.insert(asset_event), [{**row._asdict(), "aliases": list(row.aliases)} for row in rows])


class Waiting(NamedTuple):
    """A DAG that waits for an event."""

    dag_id: str
    version_uid: str
    is_paused: bool
    event_uid: str
    asset_uid: str


_needles: Final = rowset((("kind", Text), ("name", Text), ("uri", Text), ("event", Text), ("asset", Text)))
_waiting = (
    sa.select(_r.dag_id, dag.c.version_uid, dag.c.is_paused, _needles.c.event, _needles.c.asset)
    .distinct()
    .where(
        _r.kind == _needles.c.kind,
        _r.name == _needles.c.name,
        _r.uri == _needles.c.uri,
        sa.text("asset_reference.role = 'schedule'"),
        dag.c.dag_id == _r.dag_id,
        dag.c.is_active,
    )
)


def who_waits(tx: Tx, events: Sequence[EventRow], by_uid: Mapping[str, AssetFacts]) -> list[Waiting]:
    """The active DAGs that wait for each of these events. Reads ``ix_asset_reference_mention``."""
    rows: list[dict[str, str]] = []
    for one in events:
        found = by_uid[one.asset_uid]
        mentions = [
            AssetMention("asset", found.name, found.uri),
            AssetMention("name", found.name),
            AssetMention("uri", uri=found.uri),
            *(AssetMention("alias", alias) for alias in sorted(found.aliases)),
        ]
        rows += [
            {"kind": it.kind, "name": it.name, "uri": it.uri, "event": one.uid, "asset": one.asset_uid}
            for it in mentions
        ]
    given = encode_rows(("kind", "name", "uri", "event", "asset"), rows)
    return [Waiting(*row) for row in tx.conn.execute(_waiting, {ROWS: given})]


_deliver = upsert(asset_delivery).on_conflict_do_nothing()


def put_pending(tx: Tx, waiting: Sequence[Waiting]) -> None:
    """Note that these DAGs are to have these events: each of them once, however often this is said."""
    if not waiting:
        return
    tx.conn.execute(
        _deliver,
        [
            {
                "dag_id": one.dag_id,
                "event_uid": one.event_uid,
                "asset_uid": one.asset_uid,
                "run_uid": None,
                "passed_over": False,
            }
            for one in waiting
        ],
    )
    mark(tx, {one.dag_id for one in waiting})


def mark(tx: Tx, dag_ids: Collection[str]) -> None:
    """Have these DAGs looked at."""
    if dag_ids:
        tx.conn.execute(sa.insert(asset_mark).inline(), [{"dag_id": dag_id} for dag_id in sorted(dag_ids)])
        tx.ring("assets")


_marks = sa.select(asset_mark.c.id, asset_mark.c.dag_id).order_by(asset_mark.c.id).limit(sa.bindparam("most"))
_delete_marks = sa.delete(asset_mark).where(asset_mark.c.id.in_(listed("ids", sa.Integer)))


def take_marks(tx: Tx, most: int) -> tuple[list[str], int]:
    """The DAGs of up to `most` of the oldest marks, which are gone then; and how many marks that were."""
    rows = tx.conn.execute(_marks, {"most": most}).all()
    if rows:
        tx.conn.execute(_delete_marks, {"ids": [row.id for row in rows]})
    return list(dict.fromkeys(row.dag_id for row in rows)), len(rows)


def any_marks(tx: Tx) -> bool:
    """Whether some DAG is to be looked at."""
    return tx.conn.execute(_marks, {"most": 1}).first() is not None


_is_pending = sa.text("asset_delivery.run_uid IS NULL AND NOT asset_delivery.passed_over")
_pending_of = (_d.dag_id == sa.bindparam("of"), _is_pending)
_newest = sa.select(_d.asset_uid, sa.func.max(_d.event_uid)).where(*_pending_of).group_by(_d.asset_uid)
_number = sa.func.row_number().over(partition_by=_d.asset_uid, order_by=_d.event_uid).label("number")
_numbered = sa.select(_d.asset_uid, _d.event_uid, _number).where(*_pending_of).subquery()
_oldest = (
    sa.select(_numbered.c.asset_uid, _numbered.c.event_uid)
    .where(_numbered.c.number <= sa.bindparam("most"))
    .order_by(_numbered.c.event_uid)
)


def newest_pending(tx: Tx, dag_id: str) -> dict[AssetFacts, str]:
    """The newest event that is pending for a DAG, of each asset. Reads ``ix_asset_delivery_pending``."""
    rows = tx.conn.execute(_newest, {"of": dag_id}).all()
    known = assets.facts(tx, [uid for uid, _ in rows])
    return {known[uid]: event for uid, event in rows}


def oldest_pending(tx: Tx, dag_id: str, most: int) -> dict[AssetFacts, list[str]]:
    """Up to `most` events of each asset that are pending for a DAG, the oldest first."""
    found: dict[str, list[str]] = {}
    for asset_uid, event in tx.conn.execute(_oldest, {"of": dag_id, "most": most}):
        found.setdefault(asset_uid, []).append(event)
    known = assets.facts(tx, found)
    return {known[uid]: events for uid, events in found.items()}


_take_all = sa.update(asset_delivery).where(*_pending_of).values(run_uid=sa.bindparam("run"))
_take_some = (
    sa.update(asset_delivery)
    .where(*_pending_of, _d.event_uid.in_(listed("events")))
    .values(run_uid=sa.bindparam("run"))
)
_pass_over = sa.update(asset_delivery).where(*_pending_of).values(passed_over=True)
_drop = (
    sa.update(asset_delivery)
    .where(_d.dag_id == sa.bindparam("of"), _d.run_uid == sa.bindparam("run"), _d.asset_uid.in_(listed("assets")))
    .values(run_uid=None, passed_over=True)
)


def take_all(tx: Tx, dag_id: str, run_uid: str) -> None:
    """The run has all events that are pending for its DAG."""
    tx.conn.execute(_take_all, {"of": dag_id, "run": run_uid})


def take(tx: Tx, dag_id: str, run_uid: str, events: Collection[str]) -> None:
    """The run has these events, which are pending for its DAG."""
    tx.conn.execute(_take_some, {"of": dag_id, "run": run_uid, "events": list(events)})


def pass_over(tx: Tx, dag_id: str) -> None:
    """What is pending for a DAG is no longer: there is something newer, or it waits for other assets."""
    tx.conn.execute(_pass_over, {"of": dag_id})


def give_up(tx: Tx, dag_id: str, run_uid: str, asset_uids: Collection[str]) -> None:
    """The run no longer has the events of these assets: there are newer ones."""
    tx.conn.execute(_drop, {"of": dag_id, "run": run_uid, "assets": list(asset_uids)})


_pass_over_some = (
    sa.update(asset_delivery).where(*_pending_of, _d.asset_uid.in_(listed("assets"))).values(passed_over=True)
)


def pass_over_assets(tx: Tx, dag_id: str, asset_uids: Collection[str]) -> None:
    """As :func:`pass_over`, of these assets only."""
    if asset_uids:
        tx.conn.execute(_pass_over_some, {"of": dag_id, "assets": list(asset_uids)})
