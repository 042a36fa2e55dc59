"""What an operator is told whose wait has failed, if it has a ``resume_execution`` of its own."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

#: ``next_method`` of a task that is resumed because its wait failed.
RESUME_WITH_ERROR: Final = "__fail__"


class TriggerFailureReason(StrEnum):
    """``error`` of the ``next_kwargs`` with which it is resumed then."""

    TRIGGER_TIMEOUT = "Trigger timeout"
    TRIGGER_FAILURE = "Trigger failure"


def failure_told(method: str | None, error: str, *, timed_out: bool) -> dict[str, str | list[str] | None]:
    """What of those ``next_kwargs`` the engine knows: the arguments of ``defer(kwargs=)`` come with them."""
    reason = TriggerFailureReason.TRIGGER_TIMEOUT if timed_out else TriggerFailureReason.TRIGGER_FAILURE
    return {"error": reason.value, "message": error, "traceback": [error], "method": method}
