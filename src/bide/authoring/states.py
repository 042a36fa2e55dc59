"""States under one roof, as operators and callbacks compare them."""

from __future__ import annotations

from typing import ClassVar

from bide.model.states import FINISHED, FINISHED_RUN, UNFINISHED, RunState, TaskState


class State:
    """All states of tasks and runs, and sets of them. ``State.NONE`` is None: nothing has been decided yet."""

    SUCCESS = TaskState.SUCCESS
    RUNNING = TaskState.RUNNING
    FAILED = TaskState.FAILED
    NONE = None
    REMOVED = TaskState.REMOVED
    SCHEDULED = TaskState.SCHEDULED
    QUEUED = TaskState.QUEUED
    UP_FOR_RETRY = TaskState.UP_FOR_RETRY
    UP_FOR_RESCHEDULE = TaskState.UP_FOR_RESCHEDULE
    UPSTREAM_FAILED = TaskState.UPSTREAM_FAILED
    SKIPPED = TaskState.SKIPPED
    DEFERRED = TaskState.DEFERRED

    #: What a task instance, and a run, can be in.
    task_states: ClassVar[tuple[TaskState | None, ...]] = (
        None,
        *(one for one in TaskState if one is not TaskState.NONE),
    )
    dag_states: ClassVar[tuple[RunState, ...]] = tuple(RunState)
    finished: ClassVar[frozenset[TaskState]] = FINISHED
    unfinished: ClassVar[frozenset[TaskState | None]] = frozenset({None, *UNFINISHED - {TaskState.NONE}})
    finished_dr_states: ClassVar[frozenset[RunState]] = FINISHED_RUN
    unfinished_dr_states: ClassVar[frozenset[RunState]] = frozenset(RunState) - FINISHED_RUN
    failed_states: ClassVar[frozenset[TaskState]] = frozenset({TaskState.FAILED, TaskState.UPSTREAM_FAILED})
    success_states: ClassVar[frozenset[TaskState]] = frozenset({TaskState.SUCCESS, TaskState.SKIPPED})
