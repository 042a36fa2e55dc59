"""What stands for DAGs and tasks: themselves."""

from bide.authoring.dag import DAG as SerializedDAG
from bide.authoring.operator import BaseOperator as SerializedBaseOperator

__all__ = (
    "SerializedBaseOperator",
    "SerializedDAG",
)
