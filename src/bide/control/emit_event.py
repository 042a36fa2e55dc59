"""Somebody says that something has become of an asset."""

from __future__ import annotations

from typing import Any

from bide.control.record_assets import NewEvent, record_events
from bide.model.assets import AssetFacts, AssetMention, AssetSpec
from bide.model.errors import InvalidArgument, NotFound
from bide.model.values import encode
from bide.store import Store, Tx, assets, sessions
from bide.store.asset_events import EventRow


async def emit_event(store: Store, asset: str, extra: Any = None, *, by: str) -> tuple[AssetFacts, EventRow]:
    """Make an event of the asset of this uid, name or URI; durable on return.

    Raises :class:`NotFound`, :class:`InvalidArgument` if several assets have that name, or for an extra that is no
    JSON object.
    """
    if extra is not None and not isinstance(extra, dict):
        raise InvalidArgument(f"extra must be a JSON object, not {type(extra).__name__}")
    encoded = encode(extra or {}, what="extra")  # pyright: ignore[reportUnknownArgumentType]  from people

    def work(tx: Tx) -> tuple[AssetFacts, EventRow]:
        found = find_asset(tx, asset)
        (row,) = record_events(tx, [NewEvent(AssetSpec(found.name, found.uri), encoded, made_by=by)])
        sessions.audit(tx, "emit_asset_event", owner=by, extra=found.name)
        return found, row

    return await store.write(work)


def find_asset(tx: Tx, asset: str) -> AssetFacts:
    """The asset of this uid, name or URI."""
    by_uid = assets.facts(tx, [asset])
    if by_uid:
        return by_uid[asset]
    found = {
        one.uid: one
        for mention in (AssetMention("name", asset), AssetMention("uri", uri=asset))
        for one in assets.named_by(tx, mention)
    }
    if not found:
        raise NotFound(f"there is no asset {asset!r}: neither by name nor by URI does any DAG know it")
    if len(found) > 1:
        which = ", ".join(f"{one.uid} ({one.uri})" for one in found.values())
        raise InvalidArgument(f"several assets are called {asset!r}: name the one you mean by its id: {which}")
    return next(iter(found.values()))
