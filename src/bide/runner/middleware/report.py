"""Telling the engine how the task ended."""

from __future__ import annotations

import logging

import msgspec

from bide.model.errors import ProtocolError, TaskError
from bide.runner.callbacks import has_calls, is_retried
from bide.runner.failures import one_line
from bide.runner.next_placement import next_placement
from bide.runner.task_run import Proceed, Report, TaskRun
from bide.wire.messages import AnyMessage, Finish, Ok, Refused, Retiring

_log = logging.getLogger("bide.runner")


def report(run: TaskRun, proceed: Proceed) -> None:
    """Send what the code inside came to, and see to it that the engine has it."""
    message: Report = proceed()
    run.host.finish_output()
    if message is None:
        return
    if isinstance(message, Finish):
        placement = next_placement(run) if is_retried(run, message) else None
        message = msgspec.structs.replace(message, calls=has_calls(run, message), placement=placement)
    retire = run.host.reason_to_retire()
    if retire is not None:
        run.link.send(Retiring(reason=retire))
    try:
        reply = _ask(run, message)
    except ProtocolError as error:
        # Nothing of it was sent: it is too large.
        _log.error("Task failed: %s", one_line(error))
        message = _instead(run, one_line(error))
        reply = _ask(run, message)
    if isinstance(reply, Refused) and not reply.fenced:
        _log.error("The engine refuses this: %s", reply.reason)
        message = _instead(run, reply.reason)
        reply = _ask(run, message)
    if isinstance(reply, Refused):
        _log.warning("The result does not count: %s", reply.reason)
    elif isinstance(message, Finish) and message.calls:
        run.acknowledged = message


def _instead(run: TaskRun, error: str) -> Finish:
    """What the task could not end with fails it."""
    run.error = TaskError(error)
    message = Finish(state="failed", error=error)
    return msgspec.structs.replace(message, calls=has_calls(run, message))


def _ask(run: TaskRun, message: AnyMessage) -> Ok | Refused:
    reply = run.link.request(message)
    if not isinstance(reply, Ok | Refused):
        raise ProtocolError(f"the engine answered {type(message).__name__} with {type(reply).__name__}")
    return reply
