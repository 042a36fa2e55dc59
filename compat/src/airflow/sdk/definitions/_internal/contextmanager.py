"""The DAG that code is in."""

from bide.standard.dag_questions import DagContext as DagContext
