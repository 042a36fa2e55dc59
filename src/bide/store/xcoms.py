"""XComs: values that tasks leave for others."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from bide.store.database import Tx
from bide.store.rowset import listed
from bide.store.schema import xcom
from bide.store.upserting import upsert

_x = xcom.c


class XComRow(NamedTuple):
    """One XCom with its place."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    key: str
    value: bytes
    execution_date: datetime | None = None


_insert = upsert(xcom)
_put = _insert.on_conflict_do_update(
    index_elements=["dag_id", "run_id", "task_id", "map_index", "key"],
    set_={"value": _insert.excluded.value, "timestamp": _insert.excluded.timestamp},
)
_pull = (
    sa.select(*(_x[name] for name in XComRow._fields))
    .where(
        _x.dag_id == sa.bindparam("dag"),
        _x.run_id == sa.bindparam("run"),
        _x.task_id.in_(listed("tasks")),
        _x.key.in_(listed("keys")),
    )
    .order_by(_x.task_id, _x.map_index)
)

_latest = (
    sa.select(_x.run_id)
    .where(
        _x.dag_id == sa.bindparam("dag"),
        _x.task_id.in_(listed("tasks")),
        _x.key == sa.bindparam("wanted"),
        _x.execution_date <= sa.bindparam("until"),
    )
    .order_by(_x.execution_date.desc())
    .limit(1)
)


def put(tx: Tx, rows: Sequence[XComRow]) -> None:
    """Store values; what had the same place before is replaced."""
    if not rows:
        return
    tx.conn.execute(_put, [{**row._asdict(), "timestamp": tx.now} for row in rows])


def pull(
    tx: Tx,
    dag_id: str,
    run_id: str,
    task_ids: Collection[str],
    keys: Collection[str],
    map_indexes: Collection[int] | None = None,
) -> list[XComRow]:
    """Stored values of some tasks of a run. Reads the primary key's index."""
    rows = tx.conn.execute(_pull, {"dag": dag_id, "run": run_id, "tasks": list(task_ids), "keys": list(keys)})
    found = [XComRow(*row) for row in rows]
    return found if map_indexes is None else [one for one in found if one.map_index in map_indexes]


def run_with_latest(tx: Tx, dag_id: str, task_ids: Collection[str], key: str, until: datetime) -> str | None:
    """The run, not later than `until`, that last left `key` from one of these tasks."""
    values = {"dag": dag_id, "tasks": list(task_ids), "wanted": key, "until": until}
    return tx.conn.execute(_latest, values).scalar_one_or_none()


def clear(tx: Tx, dag_id: str, run_id: str, task_id: str, map_index: int) -> None:
    """Forget what an instance left, before it is tried again."""
    tx.conn.execute(
        sa.delete(xcom).where(
            _x.dag_id == dag_id, _x.run_id == run_id, _x.task_id == task_id, _x.map_index == map_index
        )
    )
