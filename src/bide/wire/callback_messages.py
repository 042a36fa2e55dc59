"""The messages about callbacks and listeners, between the engine and task runners."""

from __future__ import annotations

from typing import Final, Literal

from bide.wire.deadline_messages import Blocking, Missed
from bide.wire.message import Message
from bide.wire.orders import RunTask

#: Why something is called: what became of a task's try, or of a run.
CallbackEvent = Literal[
    "success",
    "failure",
    "retry",
    "skipped",
    "run_running",
    "run_success",
    "run_failure",
    "sla_miss",
    "deadline",
    "set_deadlines",
]
#: Those that are not about an ending: the task that they go by may be running.
APART: Final = frozenset({"sla_miss", "deadline", "set_deadlines"})

#: The hook of listeners that is called at each event.
HOOKS: Final[dict[CallbackEvent, str]] = {
    "success": "on_task_instance_success",
    "failure": "on_task_instance_failed",
    "retry": "on_task_instance_failed",
    "skipped": "on_task_instance_skipped",
    "run_running": "on_dag_run_running",
    "run_success": "on_dag_run_success",
    "run_failure": "on_dag_run_failed",
}


class RunCallbacks(Message, frozen=True):
    """Engine → task runner: call what this ending asks for, and answer :class:`CallbacksDone`."""

    request_id: str
    #: As it was sent to run the task; its epoch is the one under which the task ended.
    order: RunTask
    event: CallbackEvent
    #: State before it ended.
    previous_state: str
    #: Why it failed, or why the run ended.
    error: str
    ended_at: float
    #: From 1.
    attempt: int = 1
    #: ``sla_miss``, ``deadline``: what was missed, and for ``sla_miss`` what has not succeeded.
    missed: tuple[Missed, ...] = ()
    blocking: tuple[Blocking, ...] = ()


class CallbacksDone(Message, frozen=True):
    """Task runner → engine (reply: Ok): all was called that the task's own end asked for, or that was ordered."""

    #: One line for each callback and listener that failed: which, and why.
    failures: tuple[str, ...] = ()
