"""Reading events of assets, with the assets that they are of."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from bide.store.asset_events import EventRow
from bide.store.database import Tx
from bide.store.rowset import listed
from bide.store.schema import asset, asset_delivery, asset_event

_e = asset_event.c


class ToldEvent(NamedTuple):
    """An event and what is known of its asset."""

    event: EventRow
    name: str
    uri: str
    group: str
    asset_extra: dict[str, Any]


#: What :func:`read` reads.
told: sa.Select[*tuple[Any, ...]] = sa.select(
    *(_e[name] for name in EventRow._fields),
    asset.c.name,
    asset.c.uri,
    asset.c.group,
    asset.c.extra.label("described"),
).join(asset, asset.c.uid == _e.asset_uid)
_of_run = (
    told.join(asset_delivery, asset_delivery.c.event_uid == _e.uid)
    .where(asset_delivery.c.run_uid == sa.bindparam("run"))
    .order_by(_e.uid)
)
_of_assets = told.where(_e.asset_uid.in_(listed("assets")))


def read(row: Any) -> ToldEvent:
    """A row of :data:`told`."""
    size = len(EventRow._fields)
    return ToldEvent(EventRow(*row[:size]), *row[size:])


def of_run(tx: Tx, run_uid: str) -> list[ToldEvent]:
    """The events that a run has, the oldest first. Reads ``ix_asset_delivery_run``."""
    return [read(row) for row in tx.conn.execute(_of_run, {"run": run_uid})]


def of_assets(
    tx: Tx,
    uids: Collection[str],
    *,
    after: datetime | None = None,
    before: datetime | None = None,
    ascending: bool = True,
    limit: int | None = None,
    alias: str | None = None,
) -> list[ToldEvent]:
    """Events of these assets, by time; with `alias` only those that were made by it. Moments count themselves.

    Reads ``ix_asset_event_asset``.
    """
    query = _of_assets.order_by(_e.uid if ascending else _e.uid.desc())
    if after is not None:
        query = query.where(_e.timestamp >= after)
    if before is not None:
        query = query.where(_e.timestamp <= before)
    if limit is not None and alias is None:
        query = query.limit(limit)
    found = [read(row) for row in tx.conn.execute(query, {"assets": list(uids)})]
    if alias is not None:
        found = [one for one in found if alias in one.event.aliases][:limit]
    return found
