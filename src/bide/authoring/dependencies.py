"""Order between tasks: ``>>``, ``<<``, :func:`chain`, :func:`chain_linear`, :func:`cross_downstream`."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, Union, cast

from bide.model.errors import InvalidArgument

if TYPE_CHECKING:
    from bide.authoring.operator import BaseOperator

T = TypeVar("T")

#: What may stand beside ``>>``: a task, a group, the result of a ``@task`` call, or a list of those.
Linkable = Union["Link", Sequence["Link"]]


class Link:
    """Something that can stand in an order: knows the tasks that it begins and ends with."""

    @abstractmethod
    def first_tasks(self) -> Sequence[BaseOperator]:
        """The tasks that wait for what is set upstream of this."""

    @abstractmethod
    def last_tasks(self) -> Sequence[BaseOperator]:
        """The tasks that what is set downstream of this waits for."""

    def set_upstream(self, task_or_task_list: Linkable, edge_modifier: object = None) -> None:
        """Run this after all of `task_or_task_list`."""
        for other in links_of(task_or_task_list):
            if isinstance(other, Label):
                other.set_downstream(self)
            else:
                connect(other.last_tasks(), self.first_tasks())

    def set_downstream(self, task_or_task_list: Linkable, edge_modifier: object = None) -> None:
        """Run this before all of `task_or_task_list`."""
        for other in links_of(task_or_task_list):
            if isinstance(other, Label):
                other.set_upstream(self)
            else:
                connect(self.last_tasks(), other.first_tasks())

    def __rshift__(self, other: T) -> T:
        """``self >> other``: other runs after self."""
        self.set_downstream(cast("Linkable", other))
        return other

    def __lshift__(self, other: T) -> T:
        """``self << other``: other runs before self."""
        self.set_upstream(cast("Linkable", other))
        return other

    def __rrshift__(self, other: Linkable) -> Link:
        """``[a, b] >> self``."""
        self.set_upstream(other)
        return self

    def __rlshift__(self, other: Linkable) -> Link:
        """``[a, b] << self``."""
        self.set_downstream(other)
        return self


def links_of(value: object) -> list[Link]:
    """The links in `value`: itself, or those of a list, however deep."""
    if isinstance(value, Link):
        return [value]
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | dict):
        found: list[Link] = []
        for item in cast("Iterable[object]", value):
            found.extend(links_of(item))
        return found
    raise InvalidArgument(
        f"only tasks, task groups, results of @task functions and lists of them can be put in order, not {value!r}"
    )


def connect(before: Iterable[BaseOperator], after: Iterable[BaseOperator]) -> None:
    """Each of `after` waits for each of `before`. A task without a DAG joins that of the others."""
    before, after = list(before), list(after)
    tasks = [*before, *after]
    dags = {id(task.dag): task.dag for task in tasks if task.has_dag()}
    if len(dags) > 1:
        names = ", ".join(sorted(repr(dag.dag_id) for dag in dags.values()))
        raise InvalidArgument(
            f"tasks of different DAGs can't be put in order: {', '.join(task.task_id for task in tasks)} "
            f"are in {names}"
        )
    if not dags:
        if before and after:
            raise InvalidArgument(
                f"tasks {', '.join(repr(task.task_id) for task in tasks)} are in no DAG yet: "
                "give at least one of them dag="
            )
        return
    (dag,) = dags.values()
    for task in tasks:
        if not task.has_dag():
            task.dag = dag
    for first in before:
        for second in after:
            first.downstream_task_ids.add(second.task_id)
            second.upstream_task_ids.add(first.task_id)


class Label(Link):
    """``a >> Label("if it rains") >> b``: text on the edge from `a` to `b`."""

    def __init__(self, label: str) -> None:
        self.label = label
        self._before: list[Link] = []
        self._after: list[Link] = []

    def first_tasks(self) -> Sequence[BaseOperator]:
        raise InvalidArgument(f"Label({self.label!r}) must stand between two tasks")

    last_tasks = first_tasks

    def set_upstream(self, task_or_task_list: Linkable, edge_modifier: object = None) -> None:
        """Remember what the edge comes from."""
        self._join(links_of(task_or_task_list), self._after)
        self._before.extend(links_of(task_or_task_list))

    def set_downstream(self, task_or_task_list: Linkable, edge_modifier: object = None) -> None:
        """Remember what the edge leads to."""
        self._join(self._before, links_of(task_or_task_list))
        self._after.extend(links_of(task_or_task_list))

    def _join(self, before: Sequence[Link], after: Sequence[Link]) -> None:
        for first in before:
            for second in after:
                connect(first.last_tasks(), second.first_tasks())
                for up in first.last_tasks():
                    for down in second.first_tasks():
                        up.dag.edge_labels[up.task_id, down.task_id] = self.label


def _rows(tasks: Iterable[object]) -> list[list[Link]]:
    return [links_of(item) for item in tasks]


def _is_list(item: object) -> bool:
    return not isinstance(item, Link)


def chain(*tasks: Any) -> None:
    """Put `tasks` in a row; lists of equal length beside each other are linked pair by pair.

    ``chain(a, [b, c], [d, e], f)`` is ``a >> [b, c]``, ``b >> d``, ``c >> e``, ``[d, e] >> f``. Lists of different
    length beside each other raise :class:`InvalidArgument`.
    """
    rows = _rows(tasks)
    for index in range(len(rows) - 1):
        left, right = rows[index], rows[index + 1]
        if _is_list(tasks[index]) and _is_list(tasks[index + 1]):
            if len(left) != len(right):
                raise InvalidArgument(
                    f"chain: lists side by side must be equally long, not {len(left)} and {len(right)}; "
                    "chain_linear() links each with each"
                )
            for first, second in zip(left, right, strict=True):
                first.set_downstream(second)
        else:
            for first in left:
                first.set_downstream(right)


def chain_linear(*elements: Any) -> None:
    """Put `elements` in a row; lists beside each other are linked each with each, empty ones are skipped."""
    rows = [row for row in _rows(elements) if row]
    if elements and len(rows) < 2:
        raise InvalidArgument("chain_linear: nothing to link; it needs at least two elements that are not empty")
    for left, right in itertools.pairwise(rows):
        for first in left:
            first.set_downstream(right)


def cross_downstream(from_tasks: Sequence[Link], to_tasks: Linkable) -> None:
    """Each of `to_tasks` runs after each of `from_tasks`."""
    for task in links_of(from_tasks):
        task.set_downstream(to_tasks)
