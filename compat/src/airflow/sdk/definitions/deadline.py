"""Deadlines of runs."""

from bide.authoring.deadlines import DeadlineAlert as DeadlineAlert
from bide.authoring.deadlines import DeadlineReference as DeadlineReference

__all__ = (
    "DeadlineAlert",
    "DeadlineReference",
)
