"""Deadlines of runs."""

from bide.authoring.deadlines import AsyncCallback as AsyncCallback
from bide.authoring.deadlines import BaseDeadlineReference as BaseDeadlineReference
from bide.authoring.deadlines import DeadlineAlert as DeadlineAlert
from bide.authoring.deadlines import DeadlineReference as DeadlineReference
from bide.authoring.deadlines import SyncCallback as SyncCallback
from bide.authoring.deadlines import VariableInterval as VariableInterval
from bide.authoring.deadlines import deadline_reference as deadline_reference

__all__ = (
    "AsyncCallback",
    "BaseDeadlineReference",
    "DeadlineAlert",
    "DeadlineReference",
    "SyncCallback",
    "VariableInterval",
    "deadline_reference",
)
