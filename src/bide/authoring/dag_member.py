"""A task's place in its DAG: what it belongs to, what is before and after it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from bide.authoring.setup_teardown import SetupTeardown, forget_task, note_task
from bide.model.errors import AuthoringError

if TYPE_CHECKING:
    from bide.authoring.dag import DAG
    from bide.authoring.group import TaskGroup
    from bide.authoring.operator import BaseOperator


class DagMember(SetupTeardown):
    """The part of every operator that knows its neighbours."""

    task_id: str
    owner: str
    #: Whether it is expanded into several instances by itself.
    is_mapped: bool = False
    task_group: TaskGroup | None
    upstream_task_ids: set[str]
    downstream_task_ids: set[str]
    _dag: DAG | None = None

    @property
    def dag(self) -> DAG:
        """The DAG of this task; :class:`AuthoringError` if it has none yet."""
        if self._dag is None:
            raise AuthoringError(
                f"task {self.task_id!r} is in no DAG: create it inside 'with DAG(...)' or give it dag="
            )
        return self._dag

    @dag.setter
    def dag(self, dag: DAG) -> None:
        if self._dag is dag:
            return
        if self._dag is not None:
            raise AuthoringError(
                f"task {self.task_id!r} is in DAG {self._dag.dag_id!r} already; it can't join {dag.dag_id!r} too"
            )
        dag.add_task(self._self())

    def join(self, dag: DAG) -> None:
        """Called by :meth:`DAG.add_task`, which has made sure that the id is free."""
        self._dag = dag
        if self.task_group is None or self.task_group.dag is not dag:
            self.task_group = dag.task_group
        self.task_group.children[self.task_id] = self._self()
        note_task(self._self())

    def leave_dag(self) -> None:
        """Take back :meth:`join`, for a task whose constructor has failed: its id is free again."""
        dag, self._dag = self._dag, None
        if dag is None:
            return
        dag.forget_task(self._self())
        forget_task(self._self())
        group = self.task_group
        if group is not None:
            group.children.pop(self.task_id, None)

    def has_dag(self) -> bool:
        """Whether the task is in a DAG."""
        return self._dag is not None

    @property
    def dag_id(self) -> str:
        """Id of the DAG, or ``adhoc_<owner>`` for a task without one."""
        return self._dag.dag_id if self._dag is not None else f"adhoc_{self.owner}"

    def get_dag(self) -> DAG | None:
        """The DAG, or None."""
        return self._dag

    def get_inlet_defs(self) -> list[Any]:
        """The task's inlets."""
        return self._self().inlets

    def get_outlet_defs(self) -> list[Any]:
        """The task's outlets."""
        return self._self().outlets

    def add_inlets(self, inlets: Iterable[Any]) -> None:
        """Let the task have these inlets, too."""
        self._self().inlets.extend(inlets)

    def add_outlets(self, outlets: Iterable[Any]) -> None:
        """Let the task have these outlets, too."""
        self._self().outlets.extend(outlets)

    def get_closest_mapped_task_group(self) -> TaskGroup | None:
        """The innermost group around the task that is mapped, or None."""
        return None if self.task_group is None else self.task_group.closest_mapped()

    def is_in_step_with(self, other: BaseOperator) -> bool:
        """Whether both are in one mapped group, so that each instance sees only those with its own map index."""
        group = self.get_closest_mapped_task_group()
        return group is not None and other.get_closest_mapped_task_group() is group

    def first_tasks(self) -> Sequence[BaseOperator]:
        return (self._self(),)

    def last_tasks(self) -> Sequence[BaseOperator]:
        return (self._self(),)

    @property
    def roots(self) -> list[BaseOperator]:
        """The task itself: it stands for one task in an order."""
        return [self._self()]

    @property
    def leaves(self) -> list[BaseOperator]:
        """The task itself: it stands for one task in an order."""
        return [self._self()]

    @property
    def upstream_list(self) -> list[BaseOperator]:
        """Tasks that this one directly waits for."""
        return [self.dag.get_task(task_id) for task_id in sorted(self.upstream_task_ids)]

    @property
    def downstream_list(self) -> list[BaseOperator]:
        """Tasks that directly wait for this one."""
        return [self.dag.get_task(task_id) for task_id in sorted(self.downstream_task_ids)]

    def get_direct_relative_ids(self, upstream: bool = False) -> set[str]:
        """Ids of the tasks directly before (`upstream`) or after this one."""
        return self.upstream_task_ids if upstream else self.downstream_task_ids

    def get_direct_relatives(self, upstream: bool = False) -> list[BaseOperator]:
        """The tasks directly before (`upstream`) or after this one."""
        return self.upstream_list if upstream else self.downstream_list

    def get_flat_relative_ids(self, upstream: bool = False) -> set[str]:
        """Ids of all tasks before (`upstream`) or after this one."""
        found: set[str] = set()
        waiting = [self.task_id]
        while waiting:
            task = self.dag.get_task(waiting.pop())
            fresh = task.get_direct_relative_ids(upstream) - found
            found |= fresh
            waiting.extend(fresh)
        return found

    def get_flat_relatives(self, upstream: bool = False) -> list[BaseOperator]:
        """All tasks before (`upstream`) or after this one."""
        return [self.dag.get_task(task_id) for task_id in sorted(self.get_flat_relative_ids(upstream))]

    def _self(self) -> BaseOperator:
        return cast("BaseOperator", self)
