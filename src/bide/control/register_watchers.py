"""Store what the assets of a file's DAGs are watched by.

What is there already is left alone: a file that is parsed again neither stops nor starts a trigger whose class and
arguments are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from bide.model.assets import AssetSpec
from bide.model.watchers import hash_of
from bide.store import Tx, assets, watchers
from bide.store.watchers import Key, WatcherRow
from bide.wire.parser_messages import WatcherSpec


def register_watchers(
    tx: Tx,
    dag_ids: Collection[str],
    found: Sequence[WatcherSpec],
    *,
    file: str,
    folder: str,
    is_file: Callable[[str], bool],
) -> None:
    """These are all the watchers of these DAGs, which `file` makes."""
    known = watchers.of_dags(tx, dag_ids)
    wanted = [one for one in found if one.dag_id in dag_ids]
    if not known and not wanted:
        return
    uids = assets.keep(
        tx, [AssetSpec(name, uri) for name, uri in {(one.asset_name, one.asset_uri) for one in wanted}]
    )
    rows = [(one.dag_id, _row(tx, one, uids[one.asset_name, one.asset_uri], file, folder)) for one in wanted]
    before = {(one.dag_id, one.key): one.uid for one in known}
    now = {(dag_id, _key(row)) for dag_id, row in rows}
    new = watchers.insert(tx, [row for dag_id, row in rows if (dag_id, _key(row)) not in before])
    watchers.link(tx, {(dag_id, new[key]) for dag_id, key in now if (dag_id, key) not in before})
    watchers.unlink(tx, {(dag_id, uid) for (dag_id, key), uid in before.items() if (dag_id, key) not in now})
    moved = {
        one.uid
        for one in known
        if one.dag_file != file and (one.dag_id, one.key) in now and not is_file(one.dag_file)
    }
    watchers.move(tx, moved, file, folder)


def _key(row: WatcherRow) -> Key:
    return Key(row.asset_uid, row.name, row.hash)


def _row(tx: Tx, one: WatcherSpec, asset_uid: str, file: str, folder: str) -> WatcherRow:
    wait = one.trigger
    return WatcherRow(
        uid="",
        asset_uid=asset_uid,
        name=one.name,
        hash=hash_of(wait.kind, wait.classpath, wait.kwargs, wait.queue, wait.group_key, wait.interval),
        kind=wait.kind,
        classpath=wait.classpath,
        kwargs=wait.kwargs,
        subject=wait.subject,
        queue=wait.queue,
        group_key=wait.group_key,
        interval=wait.interval,
        dag_file=file,
        dag_folder=folder,
        created_at=tx.now,
    )
