"""``depends_on_past``: whether the run before lets a task of this one begin."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from bide.model.dag_spec import TaskSpec
from bide.model.states import TaskState

#: What an instance of the run before has to have come to.
GOOD: Final = frozenset({TaskState.SUCCESS, TaskState.SKIPPED})


@dataclass(frozen=True, slots=True)
class Past:
    """What the run before says of one task; `None` of the whole where there is no such run."""

    #: States of the task's own instances there.
    own: Collection[TaskState]
    #: States of the instances of its direct successors.
    after: Collection[TaskState] = ()
    #: Whether some earlier run has the task; asked only where the run before does not.
    had_before: bool = False


def lets_begin(task: TaskSpec, past: Past | None) -> bool:
    """Whether the task may begin, as far as the past is concerned. The first run of all waits for nothing."""
    if not task.depends_on_past or past is None:
        return True
    if not past.own:
        return task.ignore_first_depends_on_past and not past.had_before
    if not GOOD.issuperset(past.own):
        return False
    return not task.wait_for_downstream or GOOD.issuperset(past.after)
