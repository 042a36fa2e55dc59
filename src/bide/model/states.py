"""States of runs and task instances, and the one table of legal transitions.

Every write of a state goes through :mod:`bide.store.transitions`, which takes its guards from
:data:`TRANSITIONS`; the page ``docs/explanation/state-machine.md`` draws the same table, and a test holds
table, page and statements together.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class TaskState(StrEnum):
    """Where one task instance is; the values are what the database and the API show."""

    NONE = "none"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RUNNING = "running"
    DEFERRED = "deferred"
    UP_FOR_RETRY = "up_for_retry"
    UP_FOR_RESCHEDULE = "up_for_reschedule"
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"
    UPSTREAM_FAILED = "upstream_failed"
    REMOVED = "removed"


class RunState(StrEnum):
    """Where one DAG run is."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"


#: States that an instance leaves only when a person clears or marks it.
FINISHED = frozenset(
    {TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED, TaskState.UPSTREAM_FAILED, TaskState.REMOVED}
)
UNFINISHED = frozenset(TaskState) - FINISHED
#: States that take one of the executor's slots.
OCCUPYING = frozenset({TaskState.QUEUED, TaskState.RUNNING})
FINISHED_RUN = frozenset({RunState.SUCCESS, RunState.FAILED})


class Transition(NamedTuple):
    """One named way from some states into another."""

    sources: frozenset[TaskState]
    target: TaskState
    #: Whether the epoch goes up: at every hand-over and at every forced change.
    fences: bool
    #: A state that is passed on the way: two transitions made as one, of which the history tells both.
    through: TaskState | None = None


def _from(*sources: TaskState, to: TaskState, fences: bool, through: TaskState | None = None) -> Transition:
    return Transition(frozenset(sources), to, fences, through)


_S = TaskState
#: States that an instance can be interrupted in: it has begun, or is about to.
_BEGUN = UNFINISHED - {_S.NONE}

#: THE transition table. A name says why; sources and target say what.
TRANSITIONS: dict[str, Transition] = {
    # The scheduler.
    "schedule": _from(_S.NONE, to=_S.SCHEDULED, fences=False),
    "retry_due": _from(_S.UP_FOR_RETRY, to=_S.SCHEDULED, fences=False),
    "poke_due": _from(_S.UP_FOR_RESCHEDULE, to=_S.SCHEDULED, fences=False),
    "skip": _from(_S.NONE, to=_S.SKIPPED, fences=False),
    "upstream_failed": _from(_S.NONE, to=_S.UPSTREAM_FAILED, fences=False),
    "remove": _from(*UNFINISHED, to=_S.REMOVED, fences=True),
    "queue": _from(_S.SCHEDULED, to=_S.QUEUED, fences=False),
    "begin_waiting": _from(_S.NONE, _S.UP_FOR_RETRY, to=_S.DEFERRED, fences=True),
    # A worker.
    "start": _from(_S.QUEUED, to=_S.RUNNING, fences=True),
    # Both at once, where a worker is free.
    "start_at_once": _from(_S.SCHEDULED, to=_S.RUNNING, fences=True, through=_S.QUEUED),
    "succeed": _from(_S.RUNNING, to=_S.SUCCESS, fences=False),
    "fail": _from(_S.RUNNING, to=_S.FAILED, fences=False),
    "retry": _from(_S.RUNNING, to=_S.UP_FOR_RETRY, fences=True),
    "skip_self": _from(_S.RUNNING, to=_S.SKIPPED, fences=False),
    "reschedule": _from(_S.RUNNING, to=_S.UP_FOR_RESCHEDULE, fences=True),
    "defer": _from(_S.RUNNING, to=_S.DEFERRED, fences=True),
    # A wait.
    "resume": _from(_S.DEFERRED, to=_S.SCHEDULED, fences=True),
    "succeed_waiting": _from(_S.DEFERRED, to=_S.SUCCESS, fences=True),
    "skip_waiting": _from(_S.DEFERRED, to=_S.SKIPPED, fences=True),
    "fail_waiting": _from(_S.DEFERRED, to=_S.FAILED, fences=True),
    "retry_waiting": _from(_S.DEFERRED, to=_S.UP_FOR_RETRY, fences=True),
    # The engine, on behalf of something that is gone.
    "rescue": _from(_S.QUEUED, _S.RUNNING, to=_S.SCHEDULED, fences=True),
    "fail_running": _from(_S.RUNNING, to=_S.FAILED, fences=True),
    "fail_idle": _from(_S.SCHEDULED, _S.QUEUED, to=_S.FAILED, fences=True),
    "retry_idle": _from(_S.SCHEDULED, _S.QUEUED, to=_S.UP_FOR_RETRY, fences=True),
    # A person.
    "cancel": _from(*_BEGUN, to=_S.FAILED, fences=True),
    "cancel_unstarted": _from(_S.NONE, to=_S.SKIPPED, fences=True),
    "clear": _from(*FINISHED, to=_S.NONE, fences=True),
    "clear_begun": _from(*_BEGUN, to=_S.NONE, fences=True),
    "mark_success": _from(*UNFINISHED, to=_S.SUCCESS, fences=True),
    "mark_failed": _from(*UNFINISHED, to=_S.FAILED, fences=True),
    "mark_skipped": _from(*UNFINISHED, to=_S.SKIPPED, fences=True),
    "remark_success": _from(*FINISHED - {_S.SUCCESS}, to=_S.SUCCESS, fences=True),
    "remark_failed": _from(*FINISHED - {_S.FAILED}, to=_S.FAILED, fences=True),
    "remark_skipped": _from(*FINISHED - {_S.SKIPPED}, to=_S.SKIPPED, fences=True),
}


def clearing(state: TaskState) -> str | None:
    """The transition that clears an instance in `state`; None if there is nothing to clear."""
    if state is TaskState.NONE:
        return None
    return "clear" if state in FINISHED else "clear_begun"


def marking(state: TaskState, target: TaskState) -> str | None:
    """The transition that marks an instance in `state` as success, failed or skipped; None if it is that."""
    if state is target:
        return None
    return f"remark_{target}" if state in FINISHED else f"mark_{target}"
