"""Leaving the worker in the middle of a task."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import msgspec

from bide.authoring.deferral import TaskDeferred, TaskRescheduled
from bide.authoring.journal import TaskSuspended
from bide.runner.arming import arm, says
from bide.runner.kept_attributes import attributes_to_keep
from bide.runner.operator_kills import with_operator
from bide.runner.task_run import Proceed, TaskRun
from bide.wire.messages import Reschedule

_log = logging.getLogger("bide.runner")


def suspend(run: TaskRun, proceed: Proceed) -> Any:
    """Turn the two signals into what the engine is to be told."""
    try:
        return proceed()
    except TaskDeferred as signal:
        # What goes wrong from here on is no consequence of the signal: it is handled outside of the block.
        deferred = signal
    except TaskRescheduled as rescheduled:
        at = rescheduled.reschedule_date.timestamp()
        _log.info(
            "Task rescheduled: it looks again at %s", datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
        )
        return Reschedule(at=at)
    kept = {} if isinstance(deferred, TaskSuspended) else attributes_to_keep(run.loaded_task, run.noted)
    task, dag_file = run.loaded_task, run.order.dag_file
    defer = arm(deferred, task, dag_file, lambda: run.host.load(run.order), kept=kept)
    if not defer.journal:
        wait = with_operator(defer.wait, task, dag_file, lambda: run.host.load(run.order))
        defer = msgspec.structs.replace(defer, wait=wait)
    _log.info("Task deferred: %s", says(defer))
    return defer
