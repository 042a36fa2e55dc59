"""How a task that begins with a wait says what it waits for."""

from __future__ import annotations

import copy
import datetime as dt
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from bide.authoring.construction import copy_containers

if TYPE_CHECKING:
    from bide.authoring.operator import BaseOperator


#: Stands for a method: an instance of a mapped task has turned out to begin in a worker after all.
BEGIN_IN_WORKER: Final = "__begin__"


@dataclass
class StartTriggerArgs:
    """``start_trigger_args`` of an operator class with ``start_from_trigger = True``.

    `trigger_cls` is an import path. `trigger_kwargs` build the trigger; there may be templates and results of
    other tasks in them. `next_method` of the operator goes on after the wait, with `next_kwargs` beside
    ``context`` and ``event``; None if the trigger itself ends the task. `timeout` limits the wait; None waits for
    ever. Arguments are not shown, since they may hold secrets.
    """

    trigger_cls: str
    next_method: str | None
    trigger_kwargs: dict[str, Any] | None = field(default=None, repr=False)
    next_kwargs: dict[str, Any] | None = field(default=None, repr=False)
    timeout: dt.timedelta | None = None


def own_copy(args: Any) -> Any:
    """A copy for one operator, whose ``__init__`` may change it without changing its class."""
    if not isinstance(args, StartTriggerArgs):
        return copy.copy(args)
    return replace(
        args, trigger_kwargs=copy_containers(args.trigger_kwargs), next_kwargs=copy_containers(args.next_kwargs)
    )


def trigger_arguments(task: BaseOperator) -> dict[str, Any] | None:
    """What builds the trigger that `task` starts from; None if it starts in a worker."""
    args = task.start_trigger_args
    return args.trigger_kwargs if task.start_from_trigger and isinstance(args, StartTriggerArgs) else None
