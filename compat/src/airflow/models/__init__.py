"""What DAG files import from ``airflow.models``."""

from typing import TYPE_CHECKING

from bide.authoring.connection import Connection as Connection
from bide.authoring.context import DagRun as DagRun
from bide.authoring.context import TaskInstance as TaskInstance
from bide.authoring.dag import DAG as DAG
from bide.authoring.links import BaseOperatorLink as BaseOperatorLink
from bide.authoring.operator import BaseOperator as BaseOperator
from bide.authoring.params import Param as Param
from bide.authoring.variable import Variable as Variable
from bide.authoring.xcom_arg import XComArg as XComArg
from bide.standard.tables import DagModel as DagModel
from bide.standard.tables import DagTag as DagTag
from bide.standard.tables import Log as Log
from bide.standard.tables import Pool as Pool
from bide.standard.tables import SlaMiss as SlaMiss
from bide.standard.tables import TaskReschedule as TaskReschedule

if TYPE_CHECKING:
    from airflow.models.dagbag import DagBag as DagBag

#: What DAG files need nothing of, and what is loaded when it is asked for.
_LATER = {"DagBag": "bide.testing.dag_bag.DagBag"}
