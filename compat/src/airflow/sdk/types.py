"""Types."""

from bide.authoring.context import DagRun as DagRunProtocol
from bide.authoring.context import TaskInstance as RuntimeTaskInstanceProtocol
from bide.model.run_types import RunType as DagRunType

__all__ = (
    "DagRunProtocol",
    "DagRunType",
    "RuntimeTaskInstanceProtocol",
)
