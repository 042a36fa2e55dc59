"""A fresh process for one task."""

from __future__ import annotations

import logging
import signal

from bide.model.errors import TaskTimeout
from bide.runner.interrupts import TaskKilled
from bide.runner.middleware.interruption import interruptible
from bide.runner.middleware.logs import into_log
from bide.runner.middleware.report import report
from bide.runner.task_run import Proceed, TaskRun
from bide.wire.messages import Finish

_log = logging.getLogger("bide.runner")


def isolated(run: TaskRun, proceed: Proceed) -> None:
    """If the order says so, let a child go on and report, in place of this process.

    This comes first, and does little: each page of memory that either process writes to is copied.
    """
    if not run.order.isolated:
        proceed()
        return
    load_for(run)
    pid = run.host.fork()
    if pid == 0:
        proceed()
        return
    with run.interrupts.forwarded_to(pid):
        status = run.host.wait_for(pid)
    if status is not None:
        into_log(run, lambda: report(run, lambda: _failure(status)))


def load_for(run: TaskRun) -> None:
    """Import the DAG file here, once for all who come after `run`, with its log."""
    if not run.host.has_loaded:
        into_log(run, lambda: _load(run))


def _load(run: TaskRun) -> None:
    """What is wrong with it is for the child to find and tell."""
    try:
        interruptible(run, lambda: _import(run))
    except (TaskKilled, TaskTimeout) as error:
        _log.warning("The import was interrupted: %s", error)
    run.host.finish_output()


def _import(run: TaskRun) -> None:
    dag = run.host.load(run.order).dags.get(run.order.instance.dag_id)
    if dag is not None:
        # Made once here and shared by all children, rather than once in each.
        dag.get_template_env()


def _failure(status: int) -> Finish:
    error = f"the task's process ended without a word: {_ending(status)}"
    _log.error("Task failed: %s", error)
    return Finish(state="failed", error=error)


def _ending(status: int) -> str:
    if status >= 0:
        return f"exit code {status}"
    number = -status
    name = signal.Signals(number).name if number in set(signal.Signals) else "unknown"
    hint = ", maybe out of memory" if number == signal.SIGKILL else ""
    return f"signal {number} ({name}){hint}"
