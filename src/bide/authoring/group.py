"""Task groups: a name around tasks, and something to put in order as a whole."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, cast, overload

from bide.authoring import scope
from bide.authoring.dependencies import Link
from bide.authoring.setup_teardown import before_teardown
from bide.model.errors import AuthoringError, DuplicateId
from bide.model.ids import check_id

if TYPE_CHECKING:
    from bide.authoring.dag import DAG
    from bide.authoring.expansion import ExpandedOver
    from bide.authoring.mapped_groups import GroupPartial
    from bide.authoring.operator import BaseOperator

P = ParamSpec("P")


class TaskGroup(Link):
    """``with TaskGroup("extract"):`` - tasks made inside are in the group.

    Their ids begin with the group's (``extract.read``), unless `prefix_group_id` is False. In an order the group
    stands for the tasks in it that nothing in the group precedes or follows. `default_args` go over those of the
    DAG.
    """

    def __init__(
        self,
        group_id: str | None,
        prefix_group_id: bool = True,
        parent_group: TaskGroup | None = None,
        dag: DAG | None = None,
        default_args: dict[str, Any] | None = None,
        tooltip: str = "",
        ui_color: str = "CornflowerBlue",
        ui_fgcolor: str = "#000",
        add_suffix_on_collision: bool = False,
        group_display_name: str = "",
    ) -> None:
        self.prefix_group_id = prefix_group_id
        self.default_args: dict[str, Any] = dict(default_args or {})
        self.tooltip = tooltip
        self.ui_color = ui_color
        self.ui_fgcolor = ui_fgcolor
        self.group_display_name = group_display_name
        #: Arguments that its tasks get one element each of, if it is mapped.
        self.expanded_over: ExpandedOver | None = None
        self.children: dict[str, BaseOperator | TaskGroup] = {}
        self._group_id = group_id
        self.parent_group: TaskGroup | None = None
        if group_id is None:  # the root group, made by the DAG itself
            assert dag is not None
            self.dag = dag
            return
        self.parent_group = _parent_for(group_id, parent_group, dag)
        self.dag = self.parent_group.dag
        check_id("task group", group_id)
        if add_suffix_on_collision:
            self._group_id = free_id(group_id, lambda label: self._prefixed(label) in self.dag.used_ids)
        self.dag.claim_id(cast("str", self.group_id))
        self.parent_group.children[cast("str", self.group_id)] = self

    @property
    def group_id(self) -> str | None:
        """Id with those of the groups around; None for the root group of a DAG."""
        return None if self._group_id is None else self._prefixed(self._group_id)

    @property
    def label(self) -> str | None:
        """Id without those of the groups around."""
        return self._group_id

    @property
    def is_root(self) -> bool:
        """Whether this is the group that every DAG has around its tasks."""
        return self.parent_group is None

    def _prefixed(self, label: str) -> str:
        return self.parent_group.child_id(label) if self.parent_group is not None else label

    def child_id(self, label: str) -> str:
        """The full id of a task or group called `label` in this group; without a prefix it is `label` alone."""
        if self._group_id is None or not self.prefix_group_id:
            return label
        return f"{self.group_id}.{label}"

    def inherited_default_args(self) -> dict[str, Any]:
        """``default_args`` of the groups from outside in, merged."""
        outer = self.parent_group.inherited_default_args() if self.parent_group is not None else {}
        return {**outer, **self.default_args}

    def add(self, task: BaseOperator | TaskGroup) -> BaseOperator | TaskGroup:
        """Put `task`, made elsewhere, into this group. Its id stays as it is."""
        from bide.authoring.operator import BaseOperator

        if isinstance(task, TaskGroup):
            raise AuthoringError("a task group gets into another one with parent_group= or by 'with'")
        assert isinstance(task, BaseOperator)
        if task.task_group is not None:
            task.task_group.children.pop(task.task_id, None)
        task.task_group = self
        if task.has_dag():
            self.children[task.task_id] = task
        else:
            task.dag = self.dag
        return task

    def __enter__(self) -> TaskGroup:
        scope.enter_group(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        scope.leave_group()

    def __iter__(self) -> Iterator[BaseOperator]:
        """All tasks in the group and in groups in it."""
        for child in self.children.values():
            if isinstance(child, TaskGroup):
                yield from child
            else:
                yield child

    def closest_mapped(self) -> TaskGroup | None:
        """This group, or the innermost around it, that is mapped; None if none is."""
        if self.expanded_over is not None or self.parent_group is None:
            return self if self.expanded_over is not None else None
        return self.parent_group.closest_mapped()

    def has_task(self, task: BaseOperator) -> bool:
        """Whether `task` is in the group or in one in it."""
        return any(task is other for other in self)

    def iter_groups(self) -> Iterator[TaskGroup]:
        """All groups in this one, outer before inner."""
        for child in self.children.values():
            if isinstance(child, TaskGroup):
                yield child
                yield from child.iter_groups()

    def get_roots(self) -> Iterator[BaseOperator]:
        """Tasks of the group that wait for no other of the group."""
        tasks = {task.task_id: task for task in self}
        return (task for task in tasks.values() if not task.upstream_task_ids & tasks.keys())

    def get_leaves(self) -> Iterator[BaseOperator]:
        """Tasks of the group that no other of the group waits for.

        A teardown does not hold up what comes after the group: the tasks before it stand in its place.
        """
        tasks = {task.task_id: task for task in self}
        last = [task for task in tasks.values() if not task.downstream_task_ids & tasks.keys()]
        found = {one.task_id: one for task in last for one in before_teardown(task, tasks)}
        return iter(found.values())

    @property
    def roots(self) -> list[BaseOperator]:
        """:meth:`get_roots` as a list."""
        return list(self.get_roots())

    @property
    def leaves(self) -> list[BaseOperator]:
        """:meth:`get_leaves` as a list."""
        return list(self.get_leaves())

    def first_tasks(self) -> Sequence[BaseOperator]:
        return self.roots

    def last_tasks(self) -> Sequence[BaseOperator]:
        return self.leaves

    @property
    def upstream_task_ids(self) -> set[str]:
        """Tasks outside of the group that tasks in it wait for."""
        inside = {task.task_id for task in self}
        return {task_id for task in self for task_id in task.upstream_task_ids} - inside

    @property
    def downstream_task_ids(self) -> set[str]:
        """Tasks outside of the group that wait for tasks in it."""
        inside = {task.task_id for task in self}
        return {task_id for task in self for task_id in task.downstream_task_ids} - inside

    def get_child_by_label(self, label: str) -> BaseOperator | TaskGroup:
        """The task or group called `label` in this group; KeyError if there is none."""
        return self.children[self.child_id(label)]

    def __repr__(self) -> str:
        return f"<TaskGroup: {self.group_id}>"


def _parent_for(group_id: str, parent_group: TaskGroup | None, dag: DAG | None) -> TaskGroup:
    if parent_group is not None:
        if dag is not None and parent_group.dag is not dag:
            raise AuthoringError(f"task group {group_id!r}: parent_group is in another DAG than dag={dag.dag_id!r}")
        return parent_group
    current = scope.current_group()
    if dag is None:
        if current is None:
            raise AuthoringError(
                f"task group {group_id!r} is in no DAG: create it inside 'with DAG(...)' or give it dag="
            )
        return current
    return current if current is not None and current.dag is dag else dag.task_group


def free_id(label: str, is_taken: Callable[[str], bool]) -> str:
    """`label`, or with ``__1``, ``__2``, ... behind it the first that is not taken."""
    if not is_taken(label):
        return label
    stem = re.sub(r"__\d+$", "", label)
    number = 1
    while is_taken(f"{stem}__{number}"):
        number += 1
    return f"{stem}__{number}"


@overload
def task_group(group_id: Callable[P, Any]) -> GroupFactory[P]: ...
@overload
def task_group(group_id: str | None = None, **options: Any) -> Callable[[Callable[P, Any]], GroupFactory[P]]: ...
def task_group(group_id: Any = None, **options: Any) -> Any:
    """``@task_group``: each call of the function makes a group of that name around the tasks that it makes.

    With or without parentheses; `options` are those of :class:`TaskGroup`. The call returns what the function
    returns, or the group if that is nothing.
    """
    if callable(group_id):
        return GroupFactory(cast("Callable[..., Any]", group_id), options)
    if group_id is not None:
        options["group_id"] = group_id

    def decorate(function: Callable[P, Any]) -> GroupFactory[P]:
        return GroupFactory(function, options)

    return decorate


class GroupFactory(Generic[P]):
    """A function under ``@task_group``."""

    def __init__(self, function: Callable[P, Any], options: dict[str, Any]) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._options = options

    def override(self, **options: Any) -> GroupFactory[P]:
        """The same function with other options for the group."""
        return GroupFactory(self._function, {**self._options, **options})

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        with TaskGroup(**self._group_options()) as group:
            result = self._function(*args, **kwargs)
        return group if result is None else result

    def partial(self, **arguments: Any) -> GroupPartial:
        """The function with arguments that all elements share of a group that ``.expand()`` makes."""
        partial: Any = import_module("bide.authoring.mapped_groups").GroupPartial  # which makes groups
        return partial(self._function, self._group_options, arguments)

    def expand(self, **mapped: Any) -> Any:
        """A group whose tasks have an instance per element: see :meth:`GroupPartial.expand`."""
        return self.partial().expand(**mapped)

    def expand_kwargs(self, kwargs: Any) -> Any:
        """A group whose tasks have an instance per dict: see :meth:`GroupPartial.expand_kwargs`."""
        return self.partial().expand_kwargs(kwargs)

    def _group_options(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "group_id": self._function.__name__,
            "add_suffix_on_collision": True,
            **self._options,
        }
        if not options.get("tooltip"):
            options["tooltip"] = (self._function.__doc__ or "").strip()
        return options


def duplicate(what: str, dag_id: str) -> DuplicateId:
    """The error for a second `what` in a DAG."""
    return DuplicateId(f"DAG {dag_id!r} has {what} already; ids of tasks and groups must differ")
