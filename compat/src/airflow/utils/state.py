"""States."""

from bide.authoring.states import State as State
from bide.model.states import RunState as DagRunState
from bide.model.states import TaskState as TaskInstanceState

__all__ = (
    "DagRunState",
    "State",
    "TaskInstanceState",
)
