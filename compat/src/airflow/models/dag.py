"""DAGs."""

from bide.authoring.dag import DAG as DAG
from bide.authoring.dag_decorator import dag as dag
from bide.standard.tables import DagModel as DagModel
from bide.standard.tables import DagTag as DagTag
