"""``bide assets``: what tasks make, and what runs by it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
import typer

from bide.cli.exit_codes import BadInput
from bide.cli.opening import open_store, this_person
from bide.cli.options import DagsOption, Output, OutputOption
from bide.cli.output import Row, show_record, show_rows, tell
from bide.cli.settings import read_config
from bide.config.resolved import Config
from bide.control.emit_event import emit_event, find_asset
from bide.model.shown_values import shown_value
from bide.store import Tx, asset_views
from bide.store.asset_views import AssetGraph, AssetView, EventView
from bide.store.views import EVERYTHING, Page
from bide.store.watcher_views import WatcherView, list_watchers

app = typer.Typer(help="List and show assets, their events and what they lead to.", no_args_is_help=True)

AssetArgument = Annotated[str, typer.Argument(help="Name, URI or id of the asset.", show_default=False)]

#: Events that `show` has.
_EVENTS = 20


@app.command("list")
def list_all(dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """List assets, who makes them and what runs by them."""

    async def read(config: Config) -> list[AssetView]:
        async with open_store(config) as store:
            found, _ = await store.read(lambda tx: asset_views.list_assets(tx, EVERYTHING))
            return found

    show_rows([_summary(one) for one in asyncio.run(read(read_config(dags)))], output)


@app.command()
def show(asset: AssetArgument, dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """Show an asset and its newest events: who made each, and which runs have it."""

    def work(tx: Tx) -> tuple[AssetView, list[EventView]]:
        uid = find_asset(tx, asset).uid
        (found,), _ = asset_views.list_assets(tx, Page(1), uid=uid)
        events, _ = asset_views.list_events(tx, Page(_EVENTS), asset_uid=uid)
        return found, events

    async def read(config: Config) -> tuple[AssetView, list[EventView]]:
        async with open_store(config) as store:
            return await store.read(work)

    view, events = asyncio.run(read(read_config(dags)))
    rows = [_event(one) for one in events]
    record: Row = {
        **_summary(view),
        "id": view.uid,
        "group": view.group,
        "extra": view.extra,
        "aliases": view.aliases,
    }
    if output is not Output.TABLE:
        show_record({**record, "events": rows}, output)
        return
    show_record(record, output)
    show_rows(rows, output)


@app.command()
def graph(dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """Show what leads to what: tasks to the assets that they make, assets to the DAGs that run by them."""

    async def read(config: Config) -> AssetGraph:
        async with open_store(config) as store:
            return await store.read(asset_views.graph)

    found = asyncio.run(read(read_config(dags)))
    if output is not Output.TABLE:
        nodes = [{"id": node, "type": kind, "label": label} for node, kind, label in found.nodes]
        show_record({"nodes": nodes, "edges": [edge._asdict() for edge in found.edges]}, output)
        return
    names = {node: f"{kind} {label}" for node, kind, label in found.nodes}
    show_rows([{"from": names[one.source], "to": names[one.target]} for one in found.edges], output)


@app.command()
def watchers(
    asset: Annotated[str | None, typer.Argument(help="Name, URI or id of one asset.", show_default=False)] = None,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what watches assets: how it is, what it has made, how late that was, and its last error."""

    def work(tx: Tx) -> list[WatcherView]:
        return list_watchers(tx, None if asset is None else find_asset(tx, asset).uid)

    async def read(config: Config) -> list[WatcherView]:
        async with open_store(config) as store:
            return await store.read(work)

    show_rows([_watcher(one) for one in asyncio.run(read(read_config(dags)))], output)


@app.command()
def emit(
    asset: AssetArgument,
    extra: Annotated[
        str | None, typer.Option(help="JSON object that goes with the event.", show_default=False)
    ] = None,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make an event of an asset: DAGs that wait for it run."""
    try:
        given: Any = None if extra is None else msgspec.json.decode(extra)
    except msgspec.DecodeError as error:
        raise BadInput(f"--extra is not JSON: {error}") from None

    async def make(config: Config) -> Row:
        async with open_store(config) as store:
            found, row = await emit_event(store, asset, given, by=this_person())
            return {"asset": found.name, "event": row.uid, "timestamp": row.timestamp}

    made = asyncio.run(make(read_config(dags)))
    tell(made, output, f"event {made['event']} of asset {made['asset']} is stored")


def _summary(view: AssetView) -> Row:
    by_role = {
        role: [
            f"{one.dag_id}.{one.task_id}" if one.task_id else one.dag_id
            for one in view.references
            if one.role == role
        ]
        for role in ("outlet", "schedule", "inlet")
    }
    return {
        "name": view.name,
        "uri": view.uri,
        "made_by": by_role["outlet"],
        "runs": by_role["schedule"],
        "read_by": by_role["inlet"],
        "last_event": view.last_event_at,
    }


def _watcher(view: WatcherView) -> Row:
    row = view.watched.watcher
    return {
        "asset": view.watched.asset_name,
        "watcher": row.name,
        "state": view.state,
        "watches": row.subject,
        "events": row.events,
        "duplicates": row.duplicates,
        "last_event": row.last_event_at,
        "lag": row.lag,
        "error": row.error,
        "retry_at": row.retry_at,
        "engine": view.engine,
        "dags": view.dag_ids,
    }


def _event(view: EventView) -> Row:
    row = view.told.event
    task = f"{row.source_dag_id}.{row.source_task_id} in {row.source_run_id}"
    return {
        "event": row.uid,
        "at": row.timestamp,
        "by": row.made_by if row.source_dag_id is None else task,
        "extra": shown_value(row.extra),
        "runs": [f"{dag_id} {run_id}" for dag_id, run_id, _ in view.runs],
    }
