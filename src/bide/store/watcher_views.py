"""Watchers of assets as people see them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from bide.model.watchers import WatcherState, state_of
from bide.store import watchers
from bide.store.database import Tx
from bide.store.schema import asset, asset_watcher, asset_watcher_dag, dag, session
from bide.store.watchers import WatchedAsset


class WatcherView(NamedTuple):
    """A watcher, the active DAGs that have it, and how it is."""

    watched: WatchedAsset
    dag_ids: list[str]
    state: WatcherState
    #: The host and process of the engine that runs it; empty if none does.
    engine: str


_all = watchers.with_asset.order_by(asset.c.name, asset.c.uri, asset_watcher.c.name, asset_watcher.c.uid)
_links = (
    sa.select(asset_watcher_dag.c.watcher_uid, dag.c.dag_id, ~dag.c.is_paused)
    .join(dag, dag.c.dag_id == asset_watcher_dag.c.dag_id)
    .where(dag.c.is_active)
    .order_by(dag.c.dag_id)
)
_engines = sa.select(session.c.uid, session.c.hostname, session.c.pid).where(
    session.c.uid.in_(sa.select(asset_watcher.c.session))
)


def list_watchers(tx: Tx, asset_uid: str | None = None) -> list[WatcherView]:
    """All watchers that active DAGs have, or those of one asset, by the name of their asset."""
    query = _all if asset_uid is None else _all.where(asset_watcher.c.asset_uid == asset_uid)
    found = [watchers.read(row) for row in tx.conn.execute(query)]
    dags: dict[str, list[str]] = {}
    wanted: set[str] = set()
    for uid, dag_id, runs in tx.conn.execute(_links):
        dags.setdefault(uid, []).append(dag_id)
        if runs:
            wanted.add(uid)
    engines = {uid: f"{host} ({pid})" for uid, host, pid in tx.conn.execute(_engines)}
    return [
        WatcherView(
            one,
            dags[one.watcher.uid],
            _state(one, one.watcher.uid in wanted, tx.now),
            engines.get(one.watcher.session or "", ""),
        )
        for one in found
        if one.watcher.uid in dags
    ]


def _state(one: WatchedAsset, is_wanted: bool, now: datetime) -> WatcherState:
    row = one.watcher
    return state_of(
        is_wanted=is_wanted,
        is_leased=row.session is not None,
        is_resting=row.retry_at is not None and row.retry_at > now,
    )
