"""What a person sees of a run: plain values, made of the store's rows, from which displays are drawn."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from bide.model.ids import NOT_MAPPED
from bide.model.states import FINISHED, FINISHED_RUN, RunState, TaskState


@dataclass(frozen=True)
class WaitPicture:
    """What a deferred task waits for."""

    #: One line: ``file /data/orders.csv``.
    subject: str
    #: ``timer``, ``poll``, ``stream``, ...
    kind: str
    since: datetime
    #: The deferral's timeout, or None.
    until: datetime | None = None
    #: A timer's moment, or None.
    due_at: datetime | None = None
    #: When a poll looks again, if that is known.
    next_look: datetime | None = None


@dataclass(frozen=True)
class TaskPicture:
    """One task instance."""

    task_id: str
    state: TaskState
    map_index: int = NOT_MAPPED
    try_number: int = 0
    #: The first one and all retries.
    tries_allowed: int = 1
    start: datetime | None = None
    end: datetime | None = None
    #: up_for_retry, up_for_reschedule: when it goes on.
    due_at: datetime | None = None
    wait: WaitPicture | None = None
    #: One line: why the last try failed.
    error: str = ""

    @property
    def label(self) -> str:
        """The task's id, with the index of a mapped one."""
        return self.task_id if self.map_index == NOT_MAPPED else f"{self.task_id}[{self.map_index}]"

    def seconds(self, now: datetime) -> float | None:
        """How long its current or last try has taken."""
        if self.start is None:
            return None
        # A try that waits for its retry has no end yet; its time is not going on either.
        return ((self.end or now) - self.start).total_seconds()


@dataclass(frozen=True)
class RunPicture:
    """One run with its tasks, in the order in which they are shown."""

    dag_id: str
    run_id: str
    state: RunState
    tasks: tuple[TaskPicture, ...] = ()
    logical_date: datetime | None = None
    start: datetime | None = None
    end: datetime | None = None
    #: Why it ended, where that is not plain from its tasks.
    reason: str = ""

    @property
    def is_over(self) -> bool:
        """Whether the run has ended."""
        return self.state in FINISHED_RUN

    @property
    def failed(self) -> tuple[TaskPicture, ...]:
        """Tasks that failed by themselves."""
        return tuple(task for task in self.tasks if task.state is TaskState.FAILED)

    def counts(self) -> dict[TaskState, int]:
        """How many tasks are in each state, in the order of states."""
        counted = Counter(task.state for task in self.tasks)
        return {state: counted[state] for state in TaskState if counted[state]}

    def finished(self) -> int:
        """How many tasks have ended."""
        return sum(task.state in FINISHED for task in self.tasks)
