"""Bodies of requests and answers about assets."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from bide.api.models import Answer, Question
from bide.model.watchers import WatcherState


class TaskOfAsset(Answer):
    """A task that makes or reads an asset."""

    dag_id: str
    task_id: str


class DagOfAsset(Answer):
    """A DAG that runs by events of an asset."""

    dag_id: str


class Asset(Answer):
    """An asset, and who makes, reads and waits for it."""

    id: str
    name: str
    uri: str
    group: str
    extra: dict[str, Any]
    created_at: datetime
    last_asset_event_at: datetime | None
    aliases: list[str] = Field(description="Aliases by which it is found.")
    producing_tasks: list[TaskOfAsset]
    consuming_tasks: list[TaskOfAsset]
    scheduled_dags: list[DagOfAsset]


class Assets(Answer):
    """Some assets."""

    assets: list[Asset]
    total_entries: int


class CreatedRun(Answer):
    """A run that has an event."""

    dag_id: str
    run_id: str
    state: str


class AssetEvent(Answer):
    """Something that has become of an asset, and the runs that were made by it."""

    id: str
    asset_id: str
    name: str
    uri: str
    extra: Any
    timestamp: datetime
    source_dag_id: str | None
    source_task_id: str | None
    source_run_id: str | None
    source_map_index: int
    made_by: str = Field(description="Who made it, if no task did.")
    aliases: list[str] = Field(description="Aliases by which it was made.")
    created_dagruns: list[CreatedRun]


class AssetEvents(Answer):
    """Some events."""

    asset_events: list[AssetEvent]
    total_entries: int


class AssetWatcher(Answer):
    """A trigger that watches an asset."""

    id: str
    asset_id: str
    asset_name: str
    asset_uri: str
    name: str
    trigger: str = Field(description="The path of its class.")
    subject: str = Field(description="What it watches, for people.")
    queue: str
    state: WatcherState = Field(
        description="watching; waiting for a triggerer; failed, until it runs again; paused with its DAGs."
    )
    dag_ids: list[str] = Field(description="DAGs that have it run: those that name the asset with it.")
    engine: str = Field(description="Host and process of the engine that runs it; empty if none does.")
    created_at: datetime
    watched_since: datetime | None
    events: int = Field(description="How many events it has made.")
    duplicates: int = Field(description="How many that it found were stored before.")
    last_event_at: datetime | None
    lag: float | None = Field(
        description="Seconds from when the last message was written to when its event was stored."
    )
    failures: int = Field(description="Failures in a row since its last event.")
    error: str = Field(description="The last of them, in one line.")
    retry_at: datetime | None = Field(description="When it runs again after a failure.")


class AssetWatchers(Answer):
    """Some watchers."""

    asset_watchers: list[AssetWatcher]
    total_entries: int


class NewEvent(Question):
    """An event to make."""

    asset_id: str = Field(description="The asset's id, name or URI.")
    extra: dict[str, Any] = Field(default_factory=dict[str, Any])


class GraphNode(Answer):
    """An asset, alias, DAG or task."""

    id: str
    type: str
    label: str


class GraphEdge(Answer):
    """What leads to what."""

    source_id: str
    target_id: str


class AssetGraph(Answer):
    """What leads to what, over all DAGs that there are."""

    nodes: list[GraphNode]
    edges: list[GraphEdge]
