"""Which of several ready tasks goes first."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from bide.model.errors import InvalidArgument
from bide.model.graph import topological_order

if TYPE_CHECKING:
    from bide.authoring.dag import DAG
    from bide.authoring.operator import BaseOperator

#: What the database's column takes.
_LARGEST: Final = 2**31 - 1


class WeightRule(StrEnum):
    """Names for the plain values of ``weight_rule``."""

    DOWNSTREAM = "downstream"
    UPSTREAM = "upstream"
    ABSOLUTE = "absolute"


class Weighed(NamedTuple):
    """What a strategy is given: the first try of a task that is not mapped, in a run that there is not yet."""

    task: BaseOperator
    dag_id: str
    task_id: str
    priority_weight: int
    map_index: int = -1
    try_number: int = 1


class PriorityWeightStrategy(ABC):
    """A weight of one's own: give an instance, or the path of the class, as ``weight_rule``.

    It is asked once for each task when the DAG file is read; the weight that it says holds for all runs.
    """

    @abstractmethod
    def get_weight(self, ti: Any) -> int:
        """The weight; `ti` has ``task``, ``task_id``, ``dag_id``, ``priority_weight`` (the task's own)."""


def total_weights(dag: DAG) -> dict[str, int]:
    """The priority of each task by its ``weight_rule``, by task id.

    ``downstream`` adds the weights of all tasks after it, ``upstream`` those of all before it, ``absolute``
    nothing; a strategy says what it wants.
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
        strategy = strategy_of(task)
        if strategy is not None:
            totals[task.task_id] = _asked(strategy, task)
            continue
        reached = reach_of.get(str(task.weight_rule), {}).get(task.task_id, 0)
        totals[task.task_id] = weights[task.task_id] + sum(weights[ids[bit]] for bit in _bits(reached))
    # What a policy has set counts as it is.
    totals |= {task.task_id: task.total_weight for task in dag.tasks if task.total_weight is not None}
    return {task_id: max(-_LARGEST, min(weight, _LARGEST)) for task_id, weight in totals.items()}


def strategy_of(task: BaseOperator) -> Any:
    """The strategy of a task; None if it has one of the plain rules.

    Raises :class:`InvalidArgument` for something else.
    """
    rule: Any = task.weight_rule
    if isinstance(rule, str):
        if "." not in rule:
            return None
        module, _, name = rule.rpartition(".")
        try:
            rule = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise InvalidArgument(f"task {task.task_id!r}: weight_rule {rule!r} can't be found: {error}") from None
    if isinstance(rule, type):
        rule = cast("type[Any]", rule)()
    if not callable(getattr(rule, "get_weight", None)):
        raise InvalidArgument(
            f"task {task.task_id!r}: weight_rule must be {', '.join(WeightRule)}, or a PriorityWeightStrategy, "
            f"not {rule!r}"
        )
    return rule


def _asked(strategy: Any, task: BaseOperator) -> int:
    weight: Any = strategy.get_weight(Weighed(task, task.dag_id, task.task_id, task.priority_weight))
    if not isinstance(weight, int) or isinstance(weight, bool):
        raise InvalidArgument(
            f"task {task.task_id!r}: {type(strategy).__name__}.get_weight() must return an integer, not {weight!r}"
        )
    return weight


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
