"""What XComs of deleted runs have left outside of the store, until it is removed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import sqlalchemy as sa

from bide.model.value_objects import REFERENCE
from bide.store.claiming import free
from bide.store.database import Tx
from bide.store.rowset import listed
from bide.store.schema import UtcTime, xcom, xcom_purge

#: What of XComs lies elsewhere: nothing, large values as objects, or whatever a backend of one's own has put there.
Elsewhere = Literal["none", "objects", "values"]

_x, _p = xcom.c, xcom_purge.c
_of_runs = (_x.dag_id == sa.bindparam("dag", type_=sa.String), _x.run_id.in_(listed("run_ids")))
_now = sa.bindparam("now", type_=UtcTime)
_objects = sa.insert(xcom_purge).from_select(
    ["dag_id", "run_id", "due_at"],
    sa.select(_x.dag_id, _x.run_id, _now)
    .where(*_of_runs, sa.func.substr(_x.value, 1, len(REFERENCE)) == sa.bindparam("head", type_=sa.LargeBinary))
    .distinct(),
)
_values = sa.insert(xcom_purge).from_select(
    ["dag_id", "run_id", "task_id", "map_index", "key", "value", "due_at"],
    sa.select(_x.dag_id, _x.run_id, _x.task_id, _x.map_index, _x.key, _x.value, _now).where(*_of_runs),
)


def note(tx: Tx, dag_id: str, run_ids: Collection[str], elsewhere: Elsewhere) -> None:
    """Note what is to be removed of runs whose XComs are about to be deleted."""
    given = {"dag": dag_id, "run_ids": list(run_ids), "now": tx.now}
    if elsewhere == "objects":
        tx.conn.execute(_objects, {**given, "head": REFERENCE})
    elif elsewhere == "values":
        tx.conn.execute(_values, given)
    if elsewhere != "none":
        tx.ring("purges")


class PurgeRow(NamedTuple):
    """What is to be removed; without a task, all objects of the run."""

    id: int
    dag_id: str
    run_id: str
    task_id: str | None
    map_index: int | None
    key: str | None
    value: bytes | None
    attempts: int


_due = sa.select(_p.id).where(_p.due_at <= _now).order_by(_p.due_at).limit(sa.bindparam("limit", type_=sa.Integer))
_claim = (
    sa.update(xcom_purge)
    .where(_p.id.in_(free(_due)))
    .values(due_at=sa.bindparam("until", type_=UtcTime), attempts=_p.attempts + 1)
    .returning(*(_p[name] for name in PurgeRow._fields))
)
_put_off = (
    sa.update(xcom_purge)
    .where(_p.id == sa.bindparam("which"))
    .values(due_at=sa.bindparam("at", type_=UtcTime), error=sa.bindparam("why"))
)


def claim(tx: Tx, limit: int, lease: timedelta) -> list[PurgeRow]:
    """Take what is due, for so long."""
    rows = tx.conn.execute(_claim, {"now": tx.now, "limit": limit, "until": tx.now + lease})
    return [PurgeRow(*row) for row in rows]


def next_due(tx: Tx) -> datetime | None:
    """When something is due next."""
    return tx.conn.execute(sa.select(sa.func.min(_p.due_at))).scalar_one()


def delete(tx: Tx, ids: Collection[int]) -> None:
    """These are removed."""
    tx.conn.execute(sa.delete(xcom_purge).where(_p.id.in_(ids)))


def put_off(tx: Tx, failed: Mapping[int, tuple[datetime, str]]) -> None:
    """These could not be: when to try again, and why."""
    if failed:
        tx.conn.execute(_put_off, [{"which": one, "at": at, "why": why} for one, (at, why) in failed.items()])
