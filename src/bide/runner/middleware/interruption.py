"""Killing a task, and ending it at its deadline."""

from __future__ import annotations

from typing import Any

from bide.runner.task_run import Proceed, TaskRun


def interruptible(run: TaskRun, proceed: Proceed) -> Any:
    """Let SIGTERM and the deadline of the try interrupt the code inside."""
    order = run.order
    seconds = None if order.deadline is None else order.deadline - run.clock.now().timestamp()
    text = f"the task's execution_timeout of {order.execution_timeout or 0:g} s is over"
    with run.interrupts.running(on_kill=run.kill_task, seconds=seconds, timeout_text=text):
        return proceed()
