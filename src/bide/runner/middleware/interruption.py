"""Killing a task, and ending it at its deadline."""

from __future__ import annotations

from typing import Any

from bide.runner.task_run import Proceed, TaskRun


def interruptible(run: TaskRun, proceed: Proceed) -> Any:
    """Let SIGTERM and the deadline of the try interrupt the code inside."""
    order = run.order
    seconds = None if order.deadline is None else order.deadline - run.clock.now().timestamp()
    span = 0.0 if order.deadline is None else order.deadline - order.started_at
    text = f"the task's execution_timeout of {span:g} s is over"
    with run.interrupts.running(on_kill=run.kill_task, seconds=seconds, timeout_text=text):
        return proceed()
