"""What tasks ask about events of assets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from bide.model.assets import AssetSpec
from bide.model.sealed import refuse_sealed
from bide.store import Tx, asset_reading, assets
from bide.store.asset_reading import ToldEvent
from bide.wire.asset_messages import AssetEventInfo, GetAssetEvents


def events_named(tx: Tx, asked: GetAssetEvents) -> tuple[AssetEventInfo, ...]:
    """Events of the assets that a task names."""
    found = asset_reading.of_assets(
        tx,
        [one.uid for one in assets.named_by(tx, asked.of)],
        after=_moment(asked.after),
        before=_moment(asked.before),
        ascending=asked.ascending,
        limit=asked.limit,
        alias=asked.of.name if asked.of.kind == "alias" else None,
    )
    return _told(found)


def triggering_events(tx: Tx, run_uid: str) -> tuple[AssetEventInfo, ...]:
    """The events that a run was made by, the oldest first."""
    return _told(asset_reading.of_run(tx, run_uid))


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _told(found: Sequence[ToldEvent]) -> tuple[AssetEventInfo, ...]:
    for one in found:
        refuse_sealed(one.event.extra)
    return tuple(
        AssetEventInfo(
            id=one.event.uid,
            asset=AssetSpec(one.name, one.uri, one.group, one.asset_extra),
            timestamp=one.event.timestamp.timestamp(),
            extra=one.event.extra,
            source_dag_id=one.event.source_dag_id,
            source_task_id=one.event.source_task_id,
            source_run_id=one.event.source_run_id,
            source_map_index=one.event.source_map_index,
            aliases=tuple(one.event.aliases),
        )
        for one in found
    )
