"""Events of assets in a task runner: what the engine knows of them, and what the task makes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bide.authoring.asset_events import AssetEvent, OutletEvents
from bide.authoring.assets import Asset, AssetAlias, BaseAsset
from bide.authoring.context import Context
from bide.authoring.moments import pendulum_moment
from bide.authoring.operator import BaseOperator
from bide.authoring.runtime import Narrowed, NoRuntime
from bide.model.assets import AssetMention
from bide.model.values import decode, encode
from bide.runner.mapped_results import Asks
from bide.runner.refusals import unexpected
from bide.wire.asset_messages import AssetEventInfo, AssetEvents, GetAssetEvents, GetTriggeringEvents, MadeEvent
from bide.wire.kept import AssetStateValue, DeleteAssetState, GetAssetState, SetAssetState
from bide.wire.messages import Ok


class NoAssetEvents:
    """The part of a runtime about events of assets, where there is no task."""

    def asset_events(self, of: AssetMention, asked: Narrowed) -> list[AssetEvent]:
        """Refused: there is no task."""
        raise NoRuntime(f"events of {of} can't be read here: no task is running in this process")

    def triggering_events(self) -> list[AssetEvent]:
        """Refused: there is no task."""
        raise NoRuntime("triggering_asset_events can't be asked here: no task is running in this process")

    def get_asset_state(self, of: AssetMention, key: str, default: Any) -> Any:
        """Refused: there is no task."""
        raise NoRuntime(f"the state of {of} can't be read here: no task is running in this process")

    def set_asset_state(self, of: AssetMention, key: str, value: Any) -> None:
        """Refused: there is no task."""
        raise NoRuntime(f"the state of {of} can't be set here: no task is running in this process")

    def delete_asset_state(self, of: AssetMention, key: str | None) -> None:
        """Refused: there is no task."""
        raise NoRuntime(f"the state of {of} can't be deleted here: no task is running in this process")


class ReadsAssetEvents:
    """The same of a task."""

    _link: Asks

    def asset_events(self, of: AssetMention, asked: Narrowed) -> list[AssetEvent]:
        """Events of what `of` names, by time."""
        question = GetAssetEvents(
            of=of,
            after=None if asked.after is None else asked.after.timestamp(),
            before=None if asked.before is None else asked.before.timestamp(),
            ascending=asked.ascending,
            limit=asked.limit,
        )
        return _read(self._link, question)

    def triggering_events(self) -> list[AssetEvent]:
        """The events that the run was made by."""
        return _read(self._link, GetTriggeringEvents())

    def get_asset_state(self, of: AssetMention, key: str, default: Any) -> Any:
        """What is kept under `key` with an asset, or `default`."""
        reply = self._link.request(GetAssetState(of, key))
        if not isinstance(reply, AssetStateValue):
            raise unexpected(reply, f"state {key!r} of an asset can't be read")
        return default if reply.value is None else decode(reply.value)

    def set_asset_state(self, of: AssetMention, key: str, value: Any) -> None:
        """Keep a value with an asset; durable on return."""
        reply = self._link.request(SetAssetState(of, key, encode(value, what=f"state {key} of an asset")))
        if not isinstance(reply, Ok):
            raise unexpected(reply, f"state {key!r} of an asset can't be stored")

    def delete_asset_state(self, of: AssetMention, key: str | None) -> None:
        """Forget one key of an asset, or all."""
        reply = self._link.request(DeleteAssetState(of, key))
        if not isinstance(reply, Ok):
            raise unexpected(reply, "state of an asset can't be deleted")


def _read(link: Asks, question: GetAssetEvents | GetTriggeringEvents) -> list[AssetEvent]:
    reply = link.request(question)
    if not isinstance(reply, AssetEvents):
        raise unexpected(reply, "events of assets can't be read")
    return [_event(one) for one in reply.events]


def _event(info: AssetEventInfo) -> AssetEvent:
    described = info.asset
    moment = pendulum_moment(datetime.fromtimestamp(info.timestamp, UTC))
    assert moment is not None
    return AssetEvent(
        id=info.id,
        asset=Asset(described.name, described.uri, group=described.group, extra=described.extra),
        extra=decode(info.extra),
        timestamp=moment,
        source_dag_id=info.source_dag_id,
        source_task_id=info.source_task_id,
        source_run_id=info.source_run_id,
        source_map_index=info.source_map_index,
        source_aliases=info.aliases,
    )


def made_events(task: BaseOperator, context: Context) -> tuple[MadeEvent, ...]:
    """What the success of `task` makes of its outlets.

    Raises :class:`~bide.model.errors.NotSerializable` for an extra that can't be stored.
    """
    outlets = [one for one in task.outlets if isinstance(one, BaseAsset)]
    if not outlets:
        return ()
    said: OutletEvents = context["outlet_events"]
    made: list[MadeEvent] = []
    for outlet in dict.fromkeys(outlets):
        if not isinstance(outlet, AssetAlias):
            asset = outlet.spec() if isinstance(outlet, Asset) else None
            made.append(MadeEvent(outlet.mention(), asset, _encoded(said[outlet].extra, outlet)))
    return (*made, *_by_aliases([one for one in outlets if isinstance(one, AssetAlias)], said))


def _by_aliases(aliases: Sequence[AssetAlias], said: OutletEvents) -> list[MadeEvent]:
    """One event for each asset and extra, whatever the number of aliases that it was added by."""
    found: dict[tuple[Asset, bytes], list[str]] = {}
    for alias in dict.fromkeys(aliases):
        for asset, extra in said[alias].added:
            names = found.setdefault((asset, _encoded(extra, asset)), [])
            if alias.name not in names:
                names.append(alias.name)
    return [
        MadeEvent(asset.mention(), asset.spec(), extra, tuple(names)) for (asset, extra), names in found.items()
    ]


def _encoded(extra: Any, of: BaseAsset) -> bytes:
    return encode(extra, what=f"extra of the event of {of!r}")
