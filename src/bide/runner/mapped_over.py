"""What other tasks are expanded over has to be something that has elements, and not too many."""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

from bide.authoring.dag import DAG
from bide.authoring.mapping import MappedOperator
from bide.authoring.operator import BaseOperator
from bide.authoring.settings import find_number
from bide.model.errors import TaskError
from bide.model.map_spec import MapSpec
from bide.model.mapping import leaves
from bide.runner.split_values import length_of

#: Elements of a result that a task is expanded over, unless ``[core] max_map_length`` says otherwise.
MAX_MAP_LENGTH: Final = 100_000

#: Of each DAG, who is expanded over a result, by task id and key.
_known: WeakKeyDictionary[DAG, dict[tuple[str, str], str]] = WeakKeyDictionary()


def check_result(task: BaseOperator, key: str, value: object) -> None:
    """Raise :class:`TaskError` if a task is expanded over this result, and can't be over this `value`."""
    if task.get_closest_mapped_task_group() is not None or not task.has_dag():
        return
    consumer = _consumers(task.dag).get((task.task_id, key))
    if consumer is None or task.dag.get_task(task.task_id).is_mapped:
        return  # of a mapped task each result is an element
    length = length_of(value)
    if length is None:
        what = "nothing" if value is None else f"{type(value).__name__}: {value!r:.200}"
        raise TaskError(
            f"task {task.task_id!r} gives {what} under {key!r}, and {consumer} is expanded over that: "
            "it must be a list, a tuple or a dict"
        )
    limit = find_number("core", "max_map_length", MAX_MAP_LENGTH)
    if length > limit:
        raise TaskError(
            f"task {task.task_id!r} gives {length} elements under {key!r}, and {consumer} is expanded over that: "
            f"[core] max_map_length allows {limit}"
        )


def _consumers(dag: DAG) -> dict[tuple[str, str], str]:
    if dag not in _known:
        found: dict[tuple[str, str], str] = {}
        for task in dag.tasks:
            if isinstance(task, MappedOperator):
                _note(found, task.expanded_over.spec(), f"task {task.task_id!r}")
        for group in dag.task_group.iter_groups():
            if group.expanded_over is not None:
                _note(found, group.expanded_over.spec(), f"task group {group.group_id!r}")
        _known[dag] = found
    return _known[dag]


def _note(found: dict[tuple[str, str], str], spec: MapSpec, consumer: str) -> None:
    for leaf in leaves(spec):
        if leaf.kind == "xcom":
            found.setdefault((leaf.task_id, leaf.key), consumer)
