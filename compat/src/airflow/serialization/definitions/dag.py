"""What stands for DAGs: themselves."""

from bide.authoring.dag import DAG as SerializedDAG

__all__ = ("SerializedDAG",)
