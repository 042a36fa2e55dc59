"""Assets of the store as answers."""

from __future__ import annotations

from bide.api import asset_models
from bide.model.dag_modules import shown
from bide.model.shown_values import shown_value
from bide.store.asset_views import AssetGraph, AssetView, EventView
from bide.store.assets import Role
from bide.store.watcher_views import WatcherView


def asset(view: AssetView) -> asset_models.Asset:
    """One asset."""

    def tasks(role: Role) -> list[asset_models.TaskOfAsset]:
        return [
            asset_models.TaskOfAsset(dag_id=one.dag_id, task_id=one.task_id)
            for one in view.references
            if one.role == role
        ]

    return asset_models.Asset(
        id=view.uid,
        name=view.name,
        uri=view.uri,
        group=view.group,
        extra=view.extra,
        created_at=view.created_at,
        last_asset_event_at=view.last_event_at,
        aliases=view.aliases,
        producing_tasks=tasks("outlet"),
        consuming_tasks=tasks("inlet"),
        scheduled_dags=[
            asset_models.DagOfAsset(dag_id=dag_id)
            for dag_id in dict.fromkeys(one.dag_id for one in view.references if one.role == "schedule")
        ],
    )


def event(view: EventView) -> asset_models.AssetEvent:
    """One event."""
    told = view.told
    row = told.event
    return asset_models.AssetEvent(
        id=row.uid,
        asset_id=row.asset_uid,
        name=told.name,
        uri=told.uri,
        extra=shown_value(row.extra),
        timestamp=row.timestamp,
        source_dag_id=row.source_dag_id,
        source_task_id=row.source_task_id,
        source_run_id=row.source_run_id,
        source_map_index=row.source_map_index,
        made_by=row.made_by,
        aliases=list(row.aliases),
        created_dagruns=[
            asset_models.CreatedRun(dag_id=dag_id, run_id=run_id, state=state)
            for dag_id, run_id, state in view.runs
        ],
    )


def watcher(view: WatcherView) -> asset_models.AssetWatcher:
    """One watcher."""
    row = view.watched.watcher
    return asset_models.AssetWatcher(
        id=row.uid,
        asset_id=row.asset_uid,
        asset_name=view.watched.asset_name,
        asset_uri=view.watched.asset_uri,
        name=row.name,
        trigger=shown(row.classpath),
        subject=row.subject,
        queue=row.queue,
        state=view.state,
        dag_ids=view.dag_ids,
        engine=view.engine,
        created_at=row.created_at,
        watched_since=row.leased_at,
        events=row.events,
        duplicates=row.duplicates,
        last_event_at=row.last_event_at,
        lag=row.lag,
        failures=row.failures,
        error=row.error,
        retry_at=row.retry_at,
    )


def graph(found: AssetGraph) -> asset_models.AssetGraph:
    """What leads to what."""
    return asset_models.AssetGraph(
        nodes=[asset_models.GraphNode(id=node, type=kind, label=label) for node, kind, label in found.nodes],
        edges=[asset_models.GraphEdge(source_id=edge.source, target_id=edge.target) for edge in found.edges],
    )
