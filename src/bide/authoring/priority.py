"""Which of several ready tasks goes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bide.model.graph import topological_order

if TYPE_CHECKING:
    from bide.authoring.dag import DAG


def total_weights(dag: DAG) -> dict[str, int]:
    """The priority of each task by its ``weight_rule``, by task id.

    ``downstream`` adds the weights of all tasks after it, ``upstream`` those of all before it, ``absolute``
    nothing.
    """
    weights = {task.task_id: task.priority_weight for task in dag.tasks}
    before = {task.task_id: sorted(task.upstream_task_ids) for task in dag.tasks}
    after = {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks}
    rules = {str(task.weight_rule) for task in dag.tasks}
    downstream = _reach(after) if "downstream" in rules else {}
    upstream = _reach(before) if "upstream" in rules else {}
    ids = list(weights)
    reach_of = {"downstream": downstream, "upstream": upstream}
    totals: dict[str, int] = {}
    for task in dag.tasks:
        reached = reach_of.get(str(task.weight_rule), {}).get(task.task_id, 0)
        totals[task.task_id] = weights[task.task_id] + sum(weights[ids[bit]] for bit in _bits(reached))
    return totals


def _reach(edges: dict[str, list[str]]) -> dict[str, int]:
    """For each node the set of nodes that edges lead to, however far; as the bits of an integer, by position."""
    position = {node: index for index, node in enumerate(edges)}
    reached: dict[str, int] = {}
    for node in topological_order(edges):
        bits = 0
        for other in edges[node]:
            bits |= reached[other] | 1 << position[other]
        reached[node] = bits
    return reached


def _bits(value: int) -> list[int]:
    """Positions of the bits that are set in `value`."""
    return [index for index, digit in enumerate(reversed(bin(value)[2:])) if digit == "1"]
