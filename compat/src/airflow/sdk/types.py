"""Types."""

from bide.authoring.context import DagRun as DagRunProtocol
from bide.authoring.context import TaskInstance as RuntimeTaskInstanceProtocol
from bide.authoring.links import TaskInstanceKey as TaskInstanceKey
from bide.authoring.operator import BaseOperator as Operator
from bide.model.run_types import RunType as DagRunType

__all__ = (
    "DagRunProtocol",
    "DagRunType",
    "Operator",
    "RuntimeTaskInstanceProtocol",
    "TaskInstanceKey",
)
