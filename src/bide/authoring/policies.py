"""Policies: functions of whoever runs Bide that every DAG and task has to pass, and that may change them.

They are called when a DAG file is loaded, to be parsed or to run a task. They are functions of these names:

* ``dag_policy(dag)`` and ``task_policy(task)`` raise :class:`PolicyViolation` for what is not allowed, or change
  it; :class:`~bide.model.errors.PolicySkipDag` leaves the DAG out.
* ``task_instance_mutation_hook(ti)`` may change ``queue``, ``pool``, ``pool_slots`` and ``priority_weight`` of all
  instances of a task. It is called once for each task.

They are looked for in the module ``bide_local_settings`` or ``airflow_local_settings`` (a file of the plugin
folder, or anything else on ``sys.path``), in :attr:`~bide.authoring.plugins.Plugin.policies` of plugins, and in
modules that are named by entry points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bide.authoring.operator_checks import check_operator
from bide.authoring.priority import total_weights
from bide.model.errors import InvalidArgument, PolicyViolation

if TYPE_CHECKING:
    from bide.authoring.dag import DAG
    from bide.authoring.operator import BaseOperator

#: Names of the functions.
HOOKS: Final = ("dag_policy", "task_policy", "task_instance_mutation_hook")
Policy = Callable[[Any], object]


class Policies:
    """The policies of this process, in the order in which they are called."""

    def __init__(self) -> None:
        self._functions: dict[str, list[Policy]] = {name: [] for name in HOOKS}
        #: Why some can't be used: nothing may run without them.
        self.problem = ""

    def __bool__(self) -> bool:
        return bool(self.problem) or any(self._functions.values())

    def take(self, source: object) -> None:
        """Take in the functions of a module or an object."""
        for name in HOOKS:
            function = getattr(source, name, None)
            if callable(function):
                self._functions[name].append(function)

    def apply(self, dag: DAG) -> None:
        """Call them all for `dag` and its tasks.

        Raises what they raise; :class:`PolicyViolation` if some of them could not be loaded.
        """
        if self.problem:
            raise PolicyViolation(f"the policies can't be loaded, so that nothing may run: {self.problem}")
        for policy in self._functions["dag_policy"]:
            policy(dag)
        for task in dag.tasks:
            for policy in self._functions["task_policy"]:
                policy(task)
        mutations = self._functions["task_instance_mutation_hook"]
        if mutations:
            weights = total_weights(dag)
            for task in dag.tasks:
                _mutate(task, weights[task.task_id], mutations)


@dataclass
class Instance:
    """An instance of a task, before there is a run: what ``task_instance_mutation_hook`` gets."""

    task: BaseOperator
    dag_id: str
    task_id: str
    operator: str
    queue: str
    pool: str
    pool_slots: int
    priority_weight: int
    executor_config: dict[str, Any]
    run_id: str | None = None
    map_index: int = -1
    try_number: int = 1
    state: str | None = None


def _mutate(task: BaseOperator, weight: int, mutations: list[Policy]) -> None:
    instance = Instance(
        task,
        task.dag_id,
        task.task_id,
        task.operator_name,
        task.queue,
        task.pool,
        task.pool_slots,
        weight,
        task.executor_config,
    )
    for mutate in mutations:
        mutate(instance)
    task.queue, task.pool, task.pool_slots = instance.queue, instance.pool, instance.pool_slots
    if instance.priority_weight != weight:
        given: Any = instance.priority_weight
        if not isinstance(given, int) or isinstance(given, bool):
            raise InvalidArgument(f"task {task.task_id!r}: priority_weight must be an integer, not {given!r}")
        task.total_weight = given
    check_operator(task)
