"""The log of the task's try."""

from __future__ import annotations

import logging
import os
from typing import Any

from bide.authoring.start_trigger import BEGIN_IN_WORKER
from bide.model.journal import RESUME_BY_REPLAY
from bide.observe.log import DescriptorSink, context_sink, open_log, process_sink
from bide.observe.streams import redirected_descriptors
from bide.runner.task_run import Proceed, TaskRun

_log = logging.getLogger("bide.runner")


def into_log(run: TaskRun, proceed: Proceed) -> Any:
    """Write all that is logged and printed inside to the task's log file."""
    try:
        fd = open_log(run.order.log_path)
    except OSError as error:
        # The task itself may well succeed: where the log can't be written, its lines go where the engine's go.
        _log.error("the log %s can't be opened (%s); its lines follow here", run.order.log_path, error)
        return proceed()
    sink = DescriptorSink(fd)
    try:
        if run.order.shared:
            # What is of the whole process can't be of one task.
            with context_sink(sink):
                return proceed()
        with process_sink(sink), redirected_descriptors(fd):
            return proceed()
    finally:
        os.close(fd)


def announce(run: TaskRun, proceed: Proceed) -> Any:
    """Begin the log of each segment with what runs where."""
    order = run.order
    instance = order.instance
    where = f"{instance.dag_id}.{instance.task_id} in run {instance.run_id}"
    tries = f"try {order.try_number} of {max(order.max_tries + 1, order.try_number)}"
    begins = "begins" if order.resume is None else f"goes on at {order.resume.method}()"
    if order.resume is not None and order.resume.method == BEGIN_IN_WORKER:
        begins = "begins"
    elif order.resume is not None and order.resume.method == RESUME_BY_REPLAY:
        begins = "goes on after a wait"
    _log.info("Task %s, %s, %s in process %d", where, tries, begins, os.getpid())
    return proceed()
