"""Leaving out tasks downstream: what branches and short circuits do when they end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from bide.authoring.hints import did_you_mean
from bide.model.errors import InvalidArgument, TaskError

if TYPE_CHECKING:
    from bide.authoring.context import Context
    from bide.authoring.operator import BaseOperator


class DownstreamTasksSkipped(TaskError):
    """Raised in a task that succeeds, to skip `tasks` downstream: their ids, or the tasks themselves."""

    def __init__(self, *, tasks: Iterable[Any]) -> None:
        self.tasks = frozenset(_id_of(task) for task in tasks)
        super().__init__(f"skipped downstream: {', '.join(sorted(self.tasks)) or 'nothing'}")


class SkipMixin:
    """For operators that leave out tasks downstream when they succeed.

    What they left out is kept: a task that is cleared later is skipped again, unless the one that left it out is
    cleared with it and decides otherwise.
    """

    inherits_from_skipmixin: ClassVar[bool] = True

    def skip(self, ti: Any, tasks: Iterable[Any], *_: Any, **__: Any) -> None:
        """Skip `tasks`, whatever their trigger rules, once this one succeeds."""
        task = cast("BaseOperator", self)
        task.skipped_downstream |= {_id_of(one) for one in tasks}

    def skip_all_except(self, ti: Any, branch_task_ids: str | Iterable[str] | None) -> None:
        """Skip the tasks directly downstream, except for `branch_task_ids` and what comes after those."""
        task = cast("BaseOperator", self)
        followed = set(chosen_tasks(task, branch_task_ids))
        for task_id in list(followed):
            followed |= task.dag.get_task(task_id).get_flat_relative_ids(upstream=False)
        teardowns = {one.task_id for one in task.downstream_list if one.is_teardown}
        self.skip(ti, task.downstream_task_ids - followed - teardowns)


class BranchMixin(SkipMixin):
    """For operators that choose which of the tasks downstream run."""

    def do_branch(self, context: Context, branches_to_execute: Any) -> Any:
        """Skip what `branches_to_execute` (an id of a task or group, several, or None) leaves out; returns it."""
        self.skip_all_except(context["ti"], branches_to_execute)
        task = cast("BaseOperator", self)
        skipped = ", ".join(sorted(task.skipped_downstream)) or "nothing"
        task.log.info("Following %s; skipping %s", branches_to_execute or "nothing", skipped)
        return branches_to_execute


#: The other spelling in use.
BranchMixIn = BranchMixin


def chosen_tasks(task: BaseOperator, branches: Any) -> list[str]:
    """Ids of the tasks that `branches` names; a group stands for the tasks that it begins with.

    Raises :class:`InvalidArgument` for what is neither in the DAG of `task`.
    """
    if branches is None:
        return []
    names = [branches] if isinstance(branches, str) else branches
    if not isinstance(names, Iterable) or not all(isinstance(name, str) for name in cast("Iterable[Any]", names)):
        raise InvalidArgument(
            f"task {task.task_id!r} chose {branches!r}; a branch is the id of a task or a group, a list of ids, or "
            "None"
        )
    groups = {group.group_id: group for group in task.dag.task_group.iter_groups()}
    found: list[str] = []
    for name in cast("Sequence[str]", names):
        if name in groups:
            found += [root.task_id for root in groups[name].roots]
        elif task.dag.has_task(name):
            found.append(name)
        else:
            hint = did_you_mean(name, [*sorted(task.downstream_task_ids), *task.dag.task_ids])
            raise InvalidArgument(
                f"task {task.task_id!r} chose the branch {name!r}, and DAG {task.dag_id!r} has no task or group of "
                f"that id{hint}; downstream are {', '.join(sorted(task.downstream_task_ids)) or 'none'}"
            )
    return found


def _id_of(task: Any) -> str:
    found: object = cast("Any", task)[0] if isinstance(task, tuple) else getattr(task, "task_id", task)
    if not isinstance(found, str):
        raise InvalidArgument(f"tasks to skip are named by their ids, not by {found!r}")
    return found
