"""Policies: functions of whoever runs Bide that every DAG and task has to pass, and that may change them.

They are called when a DAG file is loaded, to be parsed or to run a task. They are functions of these names:

* ``dag_policy(dag)`` and ``task_policy(task)`` raise :class:`PolicyViolation` for what is not allowed, or change
  it; :class:`~bide.model.errors.PolicySkipDag` leaves the DAG out.
* ``task_instance_mutation_hook(ti)`` may change ``queue``, ``pool``, ``pool_slots`` and ``priority_weight``. It is
  called once for each task, for the first tries of all runs, and before each further try by the worker in which the
  last one has failed.
* ``pod_mutation_hook(pod)`` may change the Kubernetes pod of a task before it is made.

They are looked for in the module ``bide_local_settings`` or ``airflow_local_settings`` (a file of the plugin
folder, or anything else on ``sys.path``), in :attr:`~bide.authoring.plugins.Plugin.policies` of plugins, and in
modules that are named by entry points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bide.authoring.operator_checks import check_operator
from bide.authoring.priority import total_weights
from bide.model.errors import InvalidArgument, PolicyViolation

if TYPE_CHECKING:
    from bide.authoring.dag import DAG
    from bide.authoring.instance import DagRun
    from bide.authoring.operator import BaseOperator

#: Names of the functions.
HOOKS: Final = ("dag_policy", "task_policy", "task_instance_mutation_hook", "pod_mutation_hook")
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
        if self._functions["task_instance_mutation_hook"]:
            weights = total_weights(dag)
            for task in dag.tasks:
                self._place(task, weights[task.task_id])

    def mutate_pod(self, pod: Any) -> None:
        """Call the hooks for a pod that is about to be made. Raises what they raise."""
        for mutate in self._functions["pod_mutation_hook"]:
            mutate(pod)

    def placement_of(self, instance: Instance) -> Placement | None:
        """Where the hooks want the next try of `instance`; None if there are none. Raises what they raise."""
        if not self._functions["task_instance_mutation_hook"]:
            return None
        given = instance.task.placed
        if given is not None:
            instance.queue, instance.pool, instance.pool_slots, instance.priority_weight = given
        return self._mutated(instance)

    def _place(self, task: BaseOperator, weight: int) -> None:
        task.placed = Placement(task.queue, task.pool, task.pool_slots, weight)
        wanted = self._mutated(instance_of(task, weight))
        task.queue, task.pool, task.pool_slots = wanted.queue, wanted.pool, wanted.pool_slots
        if wanted.priority_weight != weight:
            task.total_weight = wanted.priority_weight
        check_operator(task)

    def _mutated(self, instance: Instance) -> Placement:
        for mutate in self._functions["task_instance_mutation_hook"]:
            mutate(instance)
        weight: Any = instance.priority_weight
        if not isinstance(weight, int) or isinstance(weight, bool):
            raise InvalidArgument(f"task {instance.task_id!r}: priority_weight must be an integer, not {weight!r}")
        return Placement(instance.queue, instance.pool, instance.pool_slots, weight)


class Placement(NamedTuple):
    """What ``task_instance_mutation_hook`` may change."""

    queue: str
    pool: str
    pool_slots: int
    priority_weight: int


@dataclass
class Instance:
    """A try of a task before it begins, at first of all runs: what ``task_instance_mutation_hook`` gets."""

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
    dag_run: DagRun | None = None


def instance_of(task: BaseOperator, weight: int, **of_try: Any) -> Instance:
    """A try of `task`; `of_try`: the fields that only one of a run has."""
    return Instance(
        task=task,
        dag_id=task.dag_id,
        task_id=task.task_id,
        operator=task.operator_name,
        queue=task.queue,
        pool=task.pool,
        pool_slots=task.pool_slots,
        priority_weight=weight,
        executor_config=task.executor_config,
        **of_try,
    )
