"""Assets as people see them: who makes and who reads them, and what they lead to."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from bide.model.assets import AssetFacts, AssetMention
from bide.store import asset_reading, assets
from bide.store.asset_reading import ToldEvent
from bide.store.assets import Reference
from bide.store.database import Tx
from bide.store.rowset import listed
from bide.store.schema import asset, asset_delivery, asset_event, asset_reference, dag, dag_run
from bide.store.views import Page


class AssetView(NamedTuple):
    """One asset and its surroundings."""

    uid: str
    name: str
    uri: str
    group: str
    extra: dict[str, Any]
    created_at: datetime
    last_event_at: datetime | None
    aliases: list[str]
    #: Places of active DAGs that name it.
    references: list[Reference]


_r = asset_reference.c
_last = (
    sa.select(sa.func.max(asset_event.c.timestamp)).where(asset_event.c.asset_uid == asset.c.uid).scalar_subquery()
)
_assets: sa.Select[*tuple[Any, ...]] = sa.select(
    asset.c.uid, asset.c.name, asset.c.uri, asset.c.group, asset.c.extra, asset.c.created_at, _last
)
_active_references = (
    sa.select(_r.dag_id, _r.task_id, _r.role, _r.kind, _r.name, _r.uri)
    .join(dag, dag.c.dag_id == _r.dag_id)
    .where(dag.c.is_active)
    .order_by(_r.dag_id, _r.task_id, _r.role)
)


def references(tx: Tx) -> list[Reference]:
    """All places where active DAGs name assets."""
    rows = tx.conn.execute(_active_references)
    return [
        Reference(dag_id, task, role, AssetMention(kind, name, uri)) for dag_id, task, role, kind, name, uri in rows
    ]


def list_assets(
    tx: Tx, page: Page, *, pattern: str | None = None, uid: str | None = None
) -> tuple[list[AssetView], int]:
    """Assets by name, those whose name or URI has `pattern` in it; and how many there are."""
    query = _assets
    count = sa.select(sa.func.count()).select_from(asset)
    if pattern:
        like = sa.or_(
            asset.c.name.contains(pattern, autoescape=True), asset.c.uri.contains(pattern, autoescape=True)
        )
        query, count = query.where(like), count.where(like)
    if uid is not None:
        query, count = query.where(asset.c.uid == uid), count.where(asset.c.uid == uid)
    rows: list[Any] = list(
        tx.conn.execute(query.order_by(asset.c.name, asset.c.uri).limit(page.limit).offset(page.offset))
    )
    total = tx.conn.execute(count).scalar_one()
    aliases = assets.aliases_of(tx, [row[0] for row in rows])
    named = references(tx)
    found: list[AssetView] = []
    for row in rows:
        known = AssetFacts(row[0], row[1], row[2], frozenset(aliases.get(row[0], ())))
        places = [one for one in named if known.is_named_by(one.mention)]
        uid_, name, uri, group, extra, created_at, last = row
        found.append(AssetView(uid_, name, uri, group, extra, created_at, last, sorted(known.aliases), places))
    return found, total


class EventView(NamedTuple):
    """An event, and the runs that have it: (DAG, run id, state)."""

    told: ToldEvent
    runs: list[tuple[str, str, str]]


_consumers = (
    sa.select(asset_delivery.c.event_uid, dag_run.c.dag_id, dag_run.c.run_id, dag_run.c.state)
    .join(dag_run, dag_run.c.uid == asset_delivery.c.run_uid)
    .where(asset_delivery.c.event_uid.in_(listed("events")))
    .order_by(dag_run.c.dag_id, dag_run.c.uid)
)


def list_events(
    tx: Tx,
    page: Page,
    *,
    asset_uid: str | None = None,
    source_dag_id: str | None = None,
    source_run_id: str | None = None,
) -> tuple[list[EventView], int]:
    """Events, the newest first, and how many there are."""
    conditions: list[sa.ColumnElement[bool]] = []
    if asset_uid is not None:
        conditions.append(asset_event.c.asset_uid == asset_uid)
    if source_dag_id is not None:
        conditions.append(asset_event.c.source_dag_id == source_dag_id)
    if source_run_id is not None:
        conditions.append(asset_event.c.source_run_id == source_run_id)
    query = asset_reading.told.where(*conditions).order_by(asset_event.c.uid.desc())
    rows = [asset_reading.read(row) for row in tx.conn.execute(query.limit(page.limit).offset(page.offset))]
    total = tx.conn.execute(sa.select(sa.func.count()).select_from(asset_event).where(*conditions)).scalar_one()
    return with_runs(tx, rows), total


def with_runs(tx: Tx, events: list[ToldEvent]) -> list[EventView]:
    """These events, each with the runs that have it."""
    by_event: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for event, *run in tx.conn.execute(_consumers, {"events": [one.event.uid for one in events]}):
        by_event[event].append((run[0], run[1], run[2]))
    return [EventView(one, by_event[one.event.uid]) for one in events]


class Edge(NamedTuple):
    """From what makes to what is made, or from what is read to who reads it."""

    source: str
    target: str


class AssetGraph(NamedTuple):
    """Assets and DAGs: nodes are (id, kind, what people call it), the kind one of asset, alias, dag and task."""

    nodes: list[tuple[str, str, str]]
    edges: list[Edge]


def graph(tx: Tx) -> AssetGraph:
    """What leads to what, over all active DAGs: task → asset → DAG, asset → task that reads it, DAG → its tasks."""
    known = [
        AssetFacts(*row)
        for row in tx.conn.execute(sa.select(asset.c.uid, asset.c.name, asset.c.uri).order_by(asset.c.name))
    ]
    aliases = assets.aliases_of(tx, [one.uid for one in known])
    known = [one._replace(aliases=frozenset(aliases.get(one.uid, ()))) for one in known]
    nodes: dict[str, tuple[str, str]] = {}
    edges: dict[Edge, None] = {}
    for one in references(tx):
        owner = f"dag:{one.dag_id}" if not one.task_id else f"task:{one.dag_id}.{one.task_id}"
        nodes[f"dag:{one.dag_id}"] = ("dag", one.dag_id)
        if one.task_id:
            nodes[owner] = ("task", one.task_id)
            edges[Edge(f"dag:{one.dag_id}", owner)] = None
        for node, kind, label in _named(known, one.mention):
            nodes[node] = (kind, label)
            edges[Edge(owner, node) if one.role == "outlet" else Edge(node, owner)] = None
    for of in known:
        for alias in sorted(of.aliases):
            if f"alias:{alias}" in nodes:
                nodes[f"asset:{of.uid}"] = ("asset", of.name)
                edges[Edge(f"asset:{of.uid}", f"alias:{alias}")] = None
    return AssetGraph([(node, *what) for node, what in sorted(nodes.items())], sorted(edges))


def _named(known: list[AssetFacts], mention: AssetMention) -> list[tuple[str, str, str]]:
    if mention.kind == "alias":
        return [(f"alias:{mention.name}", "alias", mention.name)]
    return [(f"asset:{one.uid}", "asset", one.name) for one in known if one.is_named_by(mention)]
