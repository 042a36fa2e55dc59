"""What tasks keep with assets, and read of them."""

from __future__ import annotations

from bide.model.assets import AssetMention
from bide.model.errors import NotFound
from bide.model.sealed import refuse_sealed
from bide.store import Tx, asset_states, assets
from bide.wire.kept import AssetStateValue, DeleteAssetState, GetAssetState, SetAssetState
from bide.wire.messages import Ok


def answer_state(tx: Tx, body: GetAssetState | SetAssetState | DeleteAssetState) -> AssetStateValue | Ok:
    """Do what a task asks. Raises :class:`NotFound` for an asset that no DAG describes."""
    uid = _asset(tx, body.of)
    if isinstance(body, GetAssetState):
        found = asset_states.get(tx, uid, body.key)
        if found is not None:
            refuse_sealed(found)
        return AssetStateValue(found)
    if isinstance(body, SetAssetState):
        asset_states.put(tx, uid, body.key, body.value)
    else:
        asset_states.delete(tx, uid, body.key)
    return Ok()


def _asset(tx: Tx, of: AssetMention) -> str:
    found = assets.named_by(tx, of)
    if not found:
        raise NotFound(f"there is no asset {of.name or of.uri!r}")
    return found[0].uid
