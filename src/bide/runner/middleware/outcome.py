"""From how the code ended to how the task ends."""

from __future__ import annotations

import logging
from typing import Final

import msgspec

from bide.authoring.moments import as_seconds
from bide.authoring.retry_policy import RetryAction
from bide.authoring.used_connections import note_connections
from bide.model.errors import (
    InvalidArgument,
    JournalFull,
    NotSerializable,
    ReplayMismatch,
    SensorTimeout,
    TaskFailure,
    TaskSkipped,
)
from bide.runner.failures import described, one_line, told_connections
from bide.runner.interrupts import TaskFenced
from bide.runner.task_run import Proceed, Report, TaskRun
from bide.wire.channel import ChannelClosed
from bide.wire.messages import Finish

_log = logging.getLogger("bide.runner")

#: What another try would end with as well: the task says so, or its code asks for something that can't be.
_FINAL: Final = (TaskFailure, SensorTimeout, InvalidArgument, NotSerializable, ReplayMismatch, JournalFull)


def decide_outcome(run: TaskRun, proceed: Proceed) -> Report:
    """Turn whatever the code inside raises into a report."""
    note_connections()
    try:
        result: Report = proceed()
    except TaskFenced as fenced:
        _log.warning("The task has moved on without this process: %s", fenced)
        return None
    except ChannelClosed:
        raise
    except BaseException as error:
        return _failure_or_skip(run, error)
    swallowed = run.interrupts.delivered
    if swallowed is not None:
        _log.error("The task's code went on after it was interrupted; that does not count: %s", swallowed)
        run.error = swallowed
        return _failed(swallowed)
    if isinstance(result, Finish) and result.state == "success":
        _log.info("Task succeeded")
    return result


def _failure_or_skip(run: TaskRun, error: BaseException) -> Finish:
    run.error = error
    if isinstance(error, TaskSkipped):
        _log.info("Task skipped: %s", error)
        return Finish(state="skipped")
    if isinstance(error, SensorTimeout) and run.task is not None and run.task.soft_fail:
        _log.info("Task skipped, because soft_fail is set: %s", error)
        return Finish(state="skipped")
    if isinstance(error, SystemExit | KeyboardInterrupt) and run.interrupts.delivered is None:
        run.kill_task()
    _log.error("Task failed: %s", described(error))
    if used := told_connections():
        _log.info("Connections that it had looked up: %s", used)
    return _judged(run, error)


def _judged(run: TaskRun, error: BaseException) -> Finish:
    """The end as the task's retry policy wants it; an error that is final by itself is not for it."""
    failed = _failed(error)
    policy = None if run.task is None else run.task.retry_policy
    if policy is None or not failed.may_retry:
        return failed
    order = run.order
    try:
        decision = policy.evaluate(error, order.try_number, order.max_tries, run.context)
        action = RetryAction(decision.action)
        delay = as_seconds(decision.retry_delay, name="retry_delay", of=type(policy).__name__)
    except Exception as mistake:
        _log.error("The retry policy failed, and does not count: %s", described(mistake))
        return failed
    if action is RetryAction.DEFAULT:
        return failed
    _log.info("Retry policy: %s%s", action, f" ({decision.reason})" if decision.reason else "")
    if action is RetryAction.FAIL:
        return msgspec.structs.replace(failed, may_retry=False)
    return msgspec.structs.replace(failed, retry_delay=delay)


def _failed(error: BaseException) -> Finish:
    return Finish(state="failed", error=one_line(error), may_retry=not isinstance(error, _FINAL))
