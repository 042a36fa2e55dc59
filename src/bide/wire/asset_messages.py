"""What task runners and the engine say of assets."""

from __future__ import annotations

import msgspec

from bide.model.assets import AssetMention, AssetSpec
from bide.wire.message import Message


class MadeEvent(msgspec.Struct, frozen=True):
    """An event that a task has made of an asset, stored with the task's success."""

    #: What the outlet names: an asset, or by name or URI one that the engine knows.
    of: AssetMention
    #: Of an asset: how it is described.
    asset: AssetSpec | None = None
    #: Encoded dict.
    extra: bytes = b"{}"
    #: By which aliases it was made.
    aliases: tuple[str, ...] = ()


class GetAssetEvents(Message, frozen=True):
    """Task runner → engine (reply: AssetEvents): events of what `of` names, by time. Moments are Unix seconds."""

    of: AssetMention
    after: float | None = None
    before: float | None = None
    ascending: bool = True
    limit: int | None = None


class GetTriggeringEvents(Message, frozen=True):
    """Task runner → engine (reply: AssetEvents): the events that the own run was made by, by time."""


class AssetEventInfo(msgspec.Struct, frozen=True):
    """One event."""

    id: str
    asset: AssetSpec
    #: Unix seconds.
    timestamp: float
    #: Encoded.
    extra: bytes
    source_dag_id: str | None = None
    source_task_id: str | None = None
    source_run_id: str | None = None
    source_map_index: int = -1
    aliases: tuple[str, ...] = ()


class AssetEvents(Message, frozen=True):
    """Engine → task runner."""

    events: tuple[AssetEventInfo, ...]
