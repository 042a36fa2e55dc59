"""What ``@task.run_if`` and ``@task.skip_if`` do before a task's function is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from bide.model.errors import TaskSkipped

#: Gets the context; tells true or false, or a tuple of that and the message to skip with.
Condition = Callable[[Any], Any]


def skipping_hook(
    condition: Condition, *, runs_on: bool, message: str, before: Callable[[Any], None] | None
) -> Callable[[Any], None]:
    """A ``pre_execute`` that skips unless `condition` tells what the task `runs_on`; `before` is called first."""

    def pre_execute(context: Any) -> None:
        if before is not None:
            before(context)
        told = condition(context)
        holds, own_message = cast("tuple[Any, Any]", told) if isinstance(told, tuple) else (told, None)
        if bool(holds) is not runs_on:
            raise TaskSkipped(own_message or message)

    return pre_execute
