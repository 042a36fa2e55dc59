"""Serialised DAGs by version, decoded once per process: a version never changes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

import sqlalchemy as sa

from bide.model.dag_spec import DagSpec, decode_spec, differ_in_dates_only, encode_spec, spec_hash
from bide.model.run_state import Structure
from bide.store.database import Tx
from bide.store.ids import new_id
from bide.store.schema import dag_version

#: Versions held in memory.
_HELD: Final = 512
_cache: OrderedDict[str, tuple[Structure, str]] = OrderedDict()
_lock = threading.Lock()


def structure_of(tx: Tx, version_uid: str) -> Structure:
    """The shape of the DAG version `version_uid`."""
    return _look_up(tx, version_uid)[0]


def hash_of(tx: Tx, version_uid: str) -> str:
    """The hash of the DAG version `version_uid`."""
    return _look_up(tx, version_uid)[1]


def _look_up(tx: Tx, version_uid: str) -> tuple[Structure, str]:
    with _lock:
        found = _cache.get(version_uid)
        if found is not None:
            _cache.move_to_end(version_uid)
            return found
    row = tx.conn.execute(
        sa.select(dag_version.c.spec, dag_version.c.dag_hash).where(dag_version.c.uid == version_uid)
    ).one()
    entry = (Structure(decode_spec(row.spec)), row.dag_hash)
    with _lock:
        _cache[version_uid] = entry
        while len(_cache) > _HELD:
            _cache.popitem(last=False)
    return entry


def keep_version(tx: Tx, spec: DagSpec, *, unless_dates_of: str | None = None) -> tuple[str, bool]:
    """The uid of `spec`'s version, and whether it is new. Equal DAGs share one version.

    So does one that differs from the version `unless_dates_of` in nothing but its dates.
    """
    encoded = encode_spec(spec)
    digest = spec_hash(spec)
    known = tx.conn.execute(
        sa.select(dag_version.c.uid).where(dag_version.c.dag_id == spec.dag_id, dag_version.c.dag_hash == digest)
    ).scalar_one_or_none()
    if known is not None:
        return known, False
    if unless_dates_of is not None and differ_in_dates_only(structure_of(tx, unless_dates_of).spec, spec):
        return unless_dates_of, False
    newest = tx.conn.execute(
        sa.select(sa.func.max(dag_version.c.version_number)).where(dag_version.c.dag_id == spec.dag_id)
    ).scalar_one()
    uid = new_id(tx.now)
    tx.conn.execute(
        sa.insert(dag_version),
        {
            "uid": uid,
            "dag_id": spec.dag_id,
            "version_number": (newest or 0) + 1,
            "dag_hash": digest,
            "spec": encoded,
            "created_at": tx.now,
        },
    )
    return uid, True
