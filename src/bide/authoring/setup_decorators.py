"""``@setup`` and ``@teardown``: functions whose tasks are setups and teardowns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from bide.authoring.group import GroupFactory
from bide.authoring.taskflow import TaskFunction, task
from bide.model.errors import InvalidArgument


def _marked(function: Any, mark: Callable[[Any], Any], name: str) -> Any:
    """A ``@task`` function, or a plain one made into that, whose results are marked."""
    if isinstance(function, GroupFactory):
        raise InvalidArgument(f"@{name} goes on a function that makes one task, not on a task group")
    made = cast("TaskFunction[..., Any]", function if isinstance(function, TaskFunction) else task(function))
    return made.marked(mark)


def setup(function: Any) -> Any:
    """``@setup``, alone or above ``@task``: the function's tasks are setups."""
    return _marked(function, lambda result: result.as_setup(), "setup")


def teardown(function: Any = None, *, on_failure_fail_dagrun: bool = False) -> Any:
    """``@teardown``, alone or above ``@task``: the function's tasks are teardowns."""

    def decorate(function: Any) -> Any:
        return _marked(
            function, lambda result: result.as_teardown(on_failure_fail_dagrun=on_failure_fail_dagrun), "teardown"
        )

    return decorate if function is None else decorate(function)
