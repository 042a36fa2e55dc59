"""DAGs."""

from bide.authoring.dag import DAG as DAG
from bide.authoring.dag import dag as dag
