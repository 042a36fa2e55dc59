"""What it means when the engine answers otherwise than it was asked."""

from __future__ import annotations

from bide.model.errors import ProtocolError, TaskError
from bide.runner.interrupts import TaskFenced
from bide.wire.messages import AnyMessage, Refused


def unexpected(reply: AnyMessage, what: str) -> BaseException:
    """What to raise for an answer that is not the one: what the engine refuses, or a mistake of its own."""
    if not isinstance(reply, Refused):
        return ProtocolError(f"{what}: the engine answered with {type(reply).__name__}")
    if reply.fenced:
        return TaskFenced(reply.reason)
    return TaskError(f"{what}: {reply.reason}")
