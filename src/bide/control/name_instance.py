"""Finding the task instance that a person names, or saying what is wrong with the name."""

from __future__ import annotations

from bide.model.errors import NotFound
from bide.model.ids import NOT_MAPPED
from bide.store import Tx
from bide.store.views import InstanceView, Page, get_instance, list_instances


def named_instance(tx: Tx, dag_id: str, run_id: str, task_id: str, map_index: int) -> InstanceView:
    """The instance. Raises :class:`NotFound`, which says so if the task is mapped."""
    found = get_instance(tx, dag_id, run_id, task_id, map_index)
    if found is not None:
        return found
    _, mapped = list_instances(tx, Page(limit=1), dag_id=dag_id, run_id=run_id, mapped_task=task_id)
    where = f"run {run_id!r} of DAG {dag_id!r}"
    if mapped:
        which = "one of them has to be named" if map_index == NOT_MAPPED else f"{map_index} is none of them"
        raise NotFound(f"task {task_id!r} is mapped in {where}: its map indexes are 0 to {mapped - 1}, {which}")
    index = "" if map_index == NOT_MAPPED else f" with map index {map_index}"
    raise NotFound(f"{where} has no task {task_id!r}{index}")
