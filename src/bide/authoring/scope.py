"""Which DAG and task group the code of a DAG file is in, and who collects the DAGs that it makes."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bide.authoring.dag import DAG
    from bide.authoring.group import TaskGroup

_dags: ContextVar[tuple[DAG, ...]] = ContextVar("bide_dags", default=())
_groups: ContextVar[tuple[TaskGroup, ...]] = ContextVar("bide_groups", default=())
_collectors: ContextVar[tuple[list[DAG], ...]] = ContextVar("bide_collectors", default=())


def current_dag() -> DAG | None:
    """The DAG of the innermost ``with DAG(...)``, or None."""
    dags = _dags.get()
    return dags[-1] if dags else None


def current_group() -> TaskGroup | None:
    """The innermost group of the current DAG, or None outside of any."""
    groups = _groups.get()
    return groups[-1] if groups else None


def enter_dag(dag: DAG) -> None:
    """Begin ``with dag:``."""
    _dags.set((*_dags.get(), dag))
    _groups.set((*_groups.get(), dag.task_group))


def leave_dag() -> None:
    """End the innermost ``with dag:``."""
    _dags.set(_dags.get()[:-1])
    _groups.set(_groups.get()[:-1])


def enter_group(group: TaskGroup) -> None:
    """Begin ``with group:``."""
    _groups.set((*_groups.get(), group))


def leave_group() -> None:
    """End the innermost ``with group:``."""
    _groups.set(_groups.get()[:-1])


def announce(dag: DAG) -> None:
    """Tell the innermost collector of a new DAG."""
    collectors = _collectors.get()
    if collectors:
        collectors[-1].append(dag)


@contextmanager
def collecting() -> Generator[list[DAG]]:
    """All DAG objects made inside, in the order of their making.

    DAG and group contexts from outside don't apply.
    """
    collected: list[DAG] = []
    collectors = _collectors.set((*_collectors.get(), collected))
    dags = _dags.set(())
    groups = _groups.set(())
    try:
        yield collected
    finally:
        _groups.reset(groups)
        _dags.reset(dags)
        _collectors.reset(collectors)
