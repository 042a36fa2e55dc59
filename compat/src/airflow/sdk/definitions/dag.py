"""DAGs."""

from bide.authoring.dag import DAG as DAG
from bide.authoring.dag_decorator import dag as dag
