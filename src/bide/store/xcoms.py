"""XComs: values that tasks leave for others."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from bide.model.ids import NOT_MAPPED
from bide.model.skipping import SKIPPED
from bide.store.database import Tx
from bide.store.rowset import Integer, listed
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
    #: How many elements it has; None if it is nothing that a task can be expanded over.
    length: int | None = None


_insert = upsert(xcom)
_put = _insert.on_conflict_do_update(
    index_elements=["dag_id", "run_id", "task_id", "map_index", "key"],
    set_={name: _insert.excluded[name] for name in ("value", "length", "timestamp")},
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
_pull_indexes = _pull.where(_x.map_index.in_(listed("indexes", Integer)))

_pull_any = (
    sa.select(*(_x[name] for name in XComRow._fields))
    .where(
        _x.dag_id == sa.bindparam("dag"),
        _x.run_id == sa.bindparam("run"),
        _x.task_id.in_(listed("tasks")),
        _x.key != SKIPPED,
    )
    .order_by(_x.task_id, _x.map_index, _x.timestamp)
)

_latest_any = (
    sa.select(_x.run_id)
    .where(
        _x.dag_id == sa.bindparam("dag"),
        _x.task_id.in_(listed("tasks")),
        _x.execution_date <= sa.bindparam("until"),
    )
    .order_by(_x.execution_date.desc())
    .limit(1)
)
_latest = _latest_any.where(_x.key == sa.bindparam("wanted"))


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
    asked: dict[str, Any] = {"dag": dag_id, "run": run_id, "tasks": list(task_ids), "keys": list(keys)}
    if map_indexes is None:
        return [XComRow(*row) for row in tx.conn.execute(_pull, asked)]
    return [XComRow(*row) for row in tx.conn.execute(_pull_indexes, {**asked, "indexes": list(map_indexes)})]


def pull_newest(
    tx: Tx, dag_id: str, run_id: str, task_ids: Collection[str], map_indexes: Collection[int] | None = None
) -> list[XComRow]:
    """The newest value that each instance of some tasks of a run has left, under whatever key of theirs."""
    asked = {"dag": dag_id, "run": run_id, "tasks": list(task_ids)}
    found = (XComRow(*row) for row in tx.conn.execute(_pull_any, asked))
    newest = {(row.task_id, row.map_index): row for row in found}
    return [row for row in newest.values() if map_indexes is None or row.map_index in map_indexes]


_of_mapped = (
    _x.dag_id == sa.bindparam("dag"),
    _x.run_id == sa.bindparam("run"),
    _x.task_id == sa.bindparam("task"),
    _x.key == sa.bindparam("wanted"),
    _x.map_index >= 0,
)
_slice = (
    sa.select(*(_x[name] for name in XComRow._fields))
    .where(*_of_mapped)
    .order_by(_x.map_index)
    .limit(sa.bindparam("number", type_=sa.Integer))
    .offset(sa.bindparam("first", type_=sa.Integer))
)
_number = sa.select(sa.func.count()).where(*_of_mapped)


def slice_of(tx: Tx, dag_id: str, run_id: str, task_id: str, key: str, first: int, number: int) -> list[XComRow]:
    """Of the values that the instances of a mapped task have left, `number` from the `first` on, by map index."""
    asked = {"dag": dag_id, "run": run_id, "task": task_id, "wanted": key, "first": first, "number": number}
    return [XComRow(*row) for row in tx.conn.execute(_slice, asked)]


def count_mapped(tx: Tx, dag_id: str, run_id: str, task_id: str, key: str) -> int:
    """How many instances of a mapped task have left a value under `key`."""
    asked = {"dag": dag_id, "run": run_id, "task": task_id, "wanted": key}
    return tx.conn.execute(_number, asked).scalar_one()


_whole = sa.select(_x.run_id, _x.task_id, _x.key, _x.length, _x.timestamp).where(
    _x.dag_id == sa.bindparam("dag"),
    _x.run_id.in_(listed("runs")),
    _x.task_id.in_(listed("tasks")),
    _x.key.in_(listed("keys")),
    _x.map_index == NOT_MAPPED,
)


class Whole(NamedTuple):
    """What is known of a value of a task that is not mapped, without reading it."""

    length: int | None
    timestamp: datetime


def describe(
    tx: Tx, dag_id: str, run_ids: Collection[str], task_ids: Collection[str], keys: Collection[str]
) -> dict[tuple[str, str, str], Whole]:
    """Values of tasks that are not mapped, by (run id, task id, key)."""
    rows = tx.conn.execute(_whole, {"dag": dag_id, "runs": run_ids, "tasks": task_ids, "keys": keys})
    return {(run_id, task_id, key): Whole(length, at) for run_id, task_id, key, length, at in rows}


def run_with_latest(tx: Tx, dag_id: str, task_ids: Collection[str], key: str | None, until: datetime) -> str | None:
    """The run, not later than `until`, that last left `key` (None: anything) from one of these tasks."""
    values: dict[str, Any] = {"dag": dag_id, "tasks": list(task_ids), "until": until}
    if key is None:
        return tx.conn.execute(_latest_any, values).scalar_one_or_none()
    values["wanted"] = key
    return tx.conn.execute(_latest, values).scalar_one_or_none()


_forget_from = sa.delete(xcom).where(
    _x.dag_id == sa.bindparam("dag"),
    _x.run_id == sa.bindparam("run"),
    _x.task_id.in_(listed("tasks")),
    _x.map_index >= sa.bindparam("first"),
)


def clear_from(tx: Tx, dag_id: str, run_id: str, task_ids: Collection[str], first: int) -> None:
    """Forget what the instances of mapped tasks left from the map index `first` on: they are no more."""
    tx.conn.execute(_forget_from, {"dag": dag_id, "run": run_id, "tasks": list(task_ids), "first": first})


def clear(tx: Tx, dag_id: str, run_id: str, task_id: str, map_index: int) -> None:
    """Forget what an instance left, before it is tried again."""
    tx.conn.execute(
        sa.delete(xcom).where(
            _x.dag_id == dag_id, _x.run_id == run_id, _x.task_id == task_id, _x.map_index == map_index
        )
    )
