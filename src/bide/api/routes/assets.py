"""Assets: list, get, their events and what leads to what; making an event."""

from __future__ import annotations

from fastapi import APIRouter

from bide.api import asset_models, asset_views, models
from bide.api.services import Given, Paged, User
from bide.control.emit_event import emit_event, find_asset
from bide.model.errors import NotFound
from bide.store import Tx, asset_reading, runs, watcher_views
from bide.store import asset_views as stored
from bide.store.views import Page

router = APIRouter(tags=["Asset"], responses={404: {"model": models.Problem}})


@router.get("/assets", responses={404: {}})
async def list_all(services: Given, page: Paged, name_pattern: str | None = None) -> asset_models.Assets:
    """Assets by name; `name_pattern` is a part of their name or URI."""
    found, total = await services.store.read(lambda tx: stored.list_assets(tx, page, pattern=name_pattern))
    return asset_models.Assets(assets=[asset_views.asset(one) for one in found], total_entries=total)


@router.get("/assets/events")
async def list_events(
    services: Given,
    page: Paged,
    asset_id: str | None = None,
    source_dag_id: str | None = None,
    source_run_id: str | None = None,
) -> asset_models.AssetEvents:
    """Events, the newest first; `asset_id` may be an id, a name or a URI."""

    def work(tx: Tx) -> tuple[list[stored.EventView], int]:
        uid = None if asset_id is None else find_asset(tx, asset_id).uid
        return stored.list_events(tx, page, asset_uid=uid, source_dag_id=source_dag_id, source_run_id=source_run_id)

    found, total = await services.store.read(work)
    return asset_models.AssetEvents(asset_events=[asset_views.event(one) for one in found], total_entries=total)


@router.post("/assets/events")
async def make_event(body: asset_models.NewEvent, services: Given, user: User) -> asset_models.AssetEvent:
    """Say that something has become of an asset; answered when it is stored."""
    found, row = await emit_event(services.store, body.asset_id, body.extra, by=user)

    def work(tx: Tx) -> stored.EventView:
        events = asset_reading.of_assets(tx, [found.uid], after=row.timestamp)
        return stored.with_runs(tx, [one for one in events if one.event.uid == row.uid])[0]

    return asset_views.event(await services.store.read(work))


@router.get("/assets/graph", responses={404: {}})
async def graph(services: Given) -> asset_models.AssetGraph:
    """Which tasks make which assets, and which DAGs and tasks those lead to."""
    return asset_views.graph(await services.store.read(stored.graph))


@router.get("/assets/watchers")
async def list_watchers(services: Given, asset_id: str | None = None) -> asset_models.AssetWatchers:
    """What watches assets, by asset, and how it is; `asset_id` may be an id, a name or a URI."""

    def work(tx: Tx) -> list[watcher_views.WatcherView]:
        uid = None if asset_id is None else find_asset(tx, asset_id).uid
        return watcher_views.list_watchers(tx, uid)

    found = await services.store.read(work)
    return asset_models.AssetWatchers(
        asset_watchers=[asset_views.watcher(one) for one in found], total_entries=len(found)
    )


@router.get("/assets/{asset_id}")
async def get_one(asset_id: str, services: Given) -> asset_models.Asset:
    """One asset, by its id."""
    found, _ = await services.store.read(lambda tx: stored.list_assets(tx, Page(1), uid=asset_id))
    if not found:
        raise NotFound(f"there is no asset of the id {asset_id!r}")
    return asset_views.asset(found[0])


@router.get("/dags/{dag_id}/dagRuns/{dag_run_id}/upstreamAssetEvents")
async def triggering_events(dag_id: str, dag_run_id: str, services: Given) -> asset_models.AssetEvents:
    """The events that a run was made by, the oldest first."""

    def work(tx: Tx) -> list[stored.EventView]:
        run = runs.find(tx, dag_id, dag_run_id)
        if run is None:
            raise NotFound(f"DAG {dag_id!r} has no run {dag_run_id!r}")
        return stored.with_runs(tx, asset_reading.of_run(tx, run.uid))

    found = await services.store.read(work)
    return asset_models.AssetEvents(
        asset_events=[asset_views.event(one) for one in found], total_entries=len(found)
    )
