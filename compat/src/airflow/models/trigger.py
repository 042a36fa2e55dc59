"""Why the wait of a task has failed."""

from bide.model.failed_waits import RESUME_WITH_ERROR as TRIGGER_FAIL_REPR
from bide.model.failed_waits import TriggerFailureReason as TriggerFailureReason

__all__ = ("TRIGGER_FAIL_REPR", "TriggerFailureReason")
