"""``as_setup()`` and ``as_teardown()``, and ``with`` around the work between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self, cast

from bide.authoring.dependencies import Link, links_of
from bide.model.errors import InvalidArgument
from bide.model.trigger_rules import TEARDOWN_RULE

if TYPE_CHECKING:
    from bide.authoring.operator import BaseOperator


class _Scope:
    """One ``with``: the tasks made inside come after its setups and before its teardowns."""

    def __init__(self, setups: list[BaseOperator], teardowns: list[BaseOperator]) -> None:
        self.setups = setups
        self.teardowns = teardowns
        self.work: list[BaseOperator] = []

    def add_task(self, task: Any) -> None:
        """Let a task made elsewhere lie between the setups and teardowns too."""
        for link in links_of(task):
            self.work.extend(link.first_tasks())

    def close(self) -> None:
        inside = {task.task_id for task in self.work}
        for task in self.work:
            if not task.upstream_task_ids & inside:
                for setup in self.setups:
                    setup.set_downstream(task)
            if not task.downstream_task_ids & inside:
                for teardown in self.teardowns:
                    teardown.set_upstream(task)


_scopes: ContextVar[tuple[_Scope, ...]] = ContextVar("bide_setup_scopes", default=())


def note_task(task: BaseOperator) -> None:
    """A task was made: it belongs to the innermost scope."""
    scopes = _scopes.get()
    if scopes:
        scopes[-1].work.append(task)


def forget_task(task: BaseOperator) -> None:
    """It was not made after all."""
    for one in _scopes.get():
        one.work[:] = [other for other in one.work if other is not task]


class SetupTeardown(Link):
    """The part of tasks, and of results of ``@task`` functions, that makes them setups and teardowns."""

    def as_setup(self) -> Self:
        """Make this a setup: it runs before the work, and its teardowns run only if it has succeeded."""
        for task in self.first_tasks():
            if task.is_teardown:
                raise InvalidArgument(f"task {task.task_id!r} is a teardown; it can't be a setup too")
            task.is_setup = True
        return self

    def as_teardown(self, *, setups: Any = None, on_failure_fail_dagrun: bool | None = None) -> Self:
        """Make this the teardown of `setups`, which become setups: it runs once the work has ended, however.

        A teardown that fails does not fail the run, unless `on_failure_fail_dagrun`.
        """
        for task in self.first_tasks():
            _make_teardown(task, on_failure_fail_dagrun)
        for setup in links_of(setups) if setups is not None else ():
            for task in setup.last_tasks():
                cast("SetupTeardown", task).as_setup()
            setup.set_downstream(self)
        return self

    def __enter__(self) -> _Scope:
        (task, *_) = self.first_tasks()
        if not task.is_setup and not task.is_teardown:
            raise InvalidArgument(
                f"task {task.task_id!r} is no setup or teardown, so that 'with' has no meaning here"
            )
        if task.is_setup:
            setups, teardowns = [task], [one for one in task.downstream_list if one.is_teardown]
        else:
            setups, teardowns = [one for one in task.upstream_list if one.is_setup], [task]
        scope = _Scope(setups, teardowns)
        _scopes.set((*_scopes.get(), scope))
        return scope

    def __exit__(self, *_: object) -> None:
        scope = _scopes.get()[-1]
        _scopes.set(_scopes.get()[:-1])
        scope.close()


def _make_teardown(task: BaseOperator, on_failure_fail_dagrun: bool | None) -> None:
    if task.is_setup:
        raise InvalidArgument(f"task {task.task_id!r} is a setup; it can't be a teardown too")
    if task.trigger_rule not in ("all_success", TEARDOWN_RULE):
        raise InvalidArgument(
            f"task {task.task_id!r}: a teardown has a trigger rule of its own, not {task.trigger_rule!r}"
        )
    task.is_teardown = True
    task.trigger_rule = TEARDOWN_RULE
    if on_failure_fail_dagrun is not None:
        task.on_failure_fail_dagrun = on_failure_fail_dagrun


def before_teardown(task: BaseOperator, inside: Mapping[str, BaseOperator]) -> Iterator[BaseOperator]:
    """`task`, or if it is a teardown the last tasks of `inside` before it that are none; not its setups."""
    if not task.is_teardown:
        yield task
        return
    for before in (inside[task_id] for task_id in sorted(task.upstream_task_ids & inside.keys())):
        if before.is_teardown:
            yield from before_teardown(before, inside)
        elif not before.is_setup and not any(
            not inside[after].is_teardown for after in before.downstream_task_ids & inside.keys()
        ):
            yield before


def check_setups(tasks: Iterable[BaseOperator]) -> None:
    """Raise :class:`InvalidArgument` for a task right after a setup that does not wait for its success."""
    for task in tasks:
        if not task.is_setup:
            continue
        for after in task.downstream_list:
            if not after.is_teardown and after.trigger_rule != "all_success":
                raise InvalidArgument(
                    f"DAG {task.dag_id!r}, task {after.task_id!r}: right after the setup {task.task_id!r} the "
                    f"trigger rule has to be all_success, not {after.trigger_rule!r}"
                )
