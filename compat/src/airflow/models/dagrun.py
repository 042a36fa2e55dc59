"""Runs."""

from bide.authoring.context import DagRun as DagRun
from bide.model.run_types import RunType as DagRunType

__all__ = (
    "DagRun",
    "DagRunType",
)
