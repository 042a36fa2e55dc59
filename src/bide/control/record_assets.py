"""Something has become of assets: store the events, and who is to have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bide.model.assets import AssetMention, AssetSpec
from bide.model.dag_spec import DagSpec
from bide.model.ids import NOT_MAPPED
from bide.store import Tx, asset_events, assets, specs
from bide.store.asset_events import EventRow
from bide.store.ids import new_id
from bide.store.instances import InstanceRow
from bide.wire.asset_messages import MadeEvent

#: The extra of an event of which nothing is said.
NO_EXTRA = b"{}"


class NewEvent(NamedTuple):
    """An event that is to be stored."""

    asset: AssetSpec
    #: Encoded dict.
    extra: bytes = NO_EXTRA
    #: By which aliases it was made.
    aliases: Sequence[str] = ()
    #: The task instance that made it, or who else did.
    source: InstanceRow | None = None
    made_by: str = ""


def record_events(tx: Tx, events: Sequence[NewEvent]) -> list[EventRow]:
    """Store `events`, in their order, and for each DAG that waits for one that it is to have it.

    Each is for each DAG once: the key of what is to be delivered is the DAG and the event. A DAG that is paused
    misses it, unless it has ``catchup``.
    """
    if not events:
        return []
    uids = assets.keep(tx, [one.asset for one in events])
    rows = [_row(tx, one, uids[one.asset.name, one.asset.uri]) for one in events]
    assets.link_aliases(tx, [(row.asset_uid, alias) for row in rows for alias in row.aliases])
    asset_events.insert(tx, rows)
    waiting = asset_events.who_waits(tx, rows, assets.facts(tx, {row.asset_uid for row in rows}))
    asset_events.put_pending(
        tx,
        [one for one in waiting if not one.is_paused or specs.structure_of(tx, one.version_uid).spec.catchup],
    )
    return rows


def _row(tx: Tx, one: NewEvent, asset_uid: str) -> EventRow:
    source = one.source
    return EventRow(
        uid=new_id(tx.now),
        asset_uid=asset_uid,
        timestamp=tx.now,
        extra=one.extra,
        source_dag_id=None if source is None else source.dag_id,
        source_task_id=None if source is None else source.task_id,
        source_run_id=None if source is None else source.run_id,
        source_map_index=NOT_MAPPED if source is None else source.map_index,
        made_by=one.made_by or ("" if source is None else "task"),
        aliases=tuple(one.aliases),
    )


def of_worker(tx: Tx, source: InstanceRow, made: Sequence[MadeEvent]) -> list[NewEvent]:
    """What a task's worker says that the task has made of assets."""
    return [
        NewEvent(asset, one.extra, one.aliases, source)
        for one in made
        for asset in ([one.asset] if one.asset is not None else _meant(tx, one.of))
    ]


def of_outlets(tx: Tx, source: InstanceRow, spec: DagSpec) -> list[NewEvent]:
    """What a task has made of assets that ended well without a worker, which nobody can ask for more."""
    outlets = next((task.outlets for task in spec.tasks if task.task_id == source.task_id), ())
    known = {(one.name, one.uri): one for one in spec.assets}
    return [
        NewEvent(asset, source=source)
        for one in outlets
        if one.kind != "alias"
        for asset in ([known[one.name, one.uri]] if one.kind == "asset" else _meant(tx, one))
    ]


def _meant(tx: Tx, of: AssetMention) -> list[AssetSpec]:
    """The assets that a name or URI means; where there is none yet, a new one."""
    found = [AssetSpec(one.name, one.uri) for one in assets.named_by(tx, of)]
    return found or [AssetSpec(of.name or of.uri, of.uri or of.name)]
