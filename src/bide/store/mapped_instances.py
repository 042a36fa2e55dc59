"""Selections of the instances of mapped tasks, of which there may be many."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa

from bide.model.run_state import Instance
from bide.model.states import TaskState
from bide.store.database import Tx
from bide.store.instances import InstanceRow, as_instances, by_task
from bide.store.rowset import Integer, listed
from bide.store.schema import task_instance

_ti = task_instance.c
_by_index = by_task.where(_ti.map_index.in_(listed("indexes", Integer)))
_undecided = by_task.where(_ti.state == TaskState.NONE.value).order_by(_ti.map_index)


def of_indexes(tx: Tx, run_uid: str, task_ids: Collection[str], indexes: Collection[int]) -> list[Instance]:
    """The instances of these tasks that have one of these map indexes. Reads the unique index."""
    return as_instances(
        tx.conn.execute(_by_index, {"run": run_uid, "tasks": list(task_ids), "indexes": list(indexes)})
    )


def undecided(tx: Tx, run_uid: str, task_ids: Collection[str]) -> list[Instance]:
    """The instances of these tasks that are in state none, by map index."""
    return as_instances(tx.conn.execute(_undecided, {"run": run_uid, "tasks": list(task_ids)}))


_set_name = (
    sa.update(task_instance).where(_ti.uid == sa.bindparam("of")).values(rendered_map_index=sa.bindparam("name"))
)


def set_names(tx: Tx, names: Mapping[str, str | None]) -> None:
    """Keep what people call instances of mapped tasks, by uid; None changes nothing."""
    given = [{"of": uid, "name": name} for uid, name in names.items() if name is not None]
    if given:
        tx.conn.execute(_set_name, given)


_active = (
    sa.select(_ti.dag_id, _ti.run_uid, _ti.task_id, sa.func.count())
    .where(
        sa.text("task_instance.state IN ('queued', 'running')"),
        _ti.dag_id.in_(listed("dags")),
        _ti.task_id.in_(listed("tasks")),
    )
    .group_by(_ti.dag_id, _ti.run_uid, _ti.task_id)
)


def active_of(tx: Tx, rows: Collection[InstanceRow]) -> list[tuple[str, str, str, int]]:
    """(DAG, run uid, task, instances queued or running) of the tasks of `rows`, in all runs.

    Reads ``ix_task_instance_occupying``.
    """
    asked = {"dags": {one.dag_id for one in rows}, "tasks": {one.task_id for one in rows}}
    return [(dag_id, run, task, number) for dag_id, run, task, number in tx.conn.execute(_active, asked)]
