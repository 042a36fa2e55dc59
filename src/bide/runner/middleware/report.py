"""Telling the engine how the task ended."""

from __future__ import annotations

import logging

from bide.model.errors import ProtocolError
from bide.runner.failures import one_line
from bide.runner.task_run import Proceed, Report, TaskRun
from bide.wire.messages import AnyMessage, Finish, Ok, Refused, Retiring

_log = logging.getLogger("bide.runner")


def report(run: TaskRun, proceed: Proceed) -> None:
    """Send what the code inside came to, and see to it that the engine has it."""
    message: Report = proceed()
    run.host.finish_output()
    if message is None:
        return
    retire = run.host.reason_to_retire()
    if retire is not None:
        run.link.send(Retiring(reason=retire))
    try:
        reply = _ask(run, message)
    except ProtocolError as error:
        # Nothing of it was sent: it is too large.
        _log.error("Task failed: %s", one_line(error))
        reply = _ask(run, Finish(state="failed", error=one_line(error)))
    if isinstance(reply, Refused) and not reply.fenced:
        _log.error("The engine refuses this: %s", reply.reason)
        reply = _ask(run, Finish(state="failed", error=reply.reason))
    if isinstance(reply, Refused):
        _log.warning("The result does not count: %s", reply.reason)


def _ask(run: TaskRun, message: AnyMessage) -> Ok | Refused:
    reply = run.link.request(message)
    if not isinstance(reply, Ok | Refused):
        raise ProtocolError(f"the engine answered {type(message).__name__} with {type(reply).__name__}")
    return reply
