"""DAGs."""

from bide.authoring.dag import DAG as DAG
from bide.authoring.dag_decorator import dag as dag
from bide.standard.dag_questions import DagContext as DagContext
from bide.standard.dag_questions import get_last_dagrun as get_last_dagrun
from bide.standard.tables import DagModel as DagModel
from bide.standard.tables import DagTag as DagTag
