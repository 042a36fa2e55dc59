"""What DAG files import from ``airflow.models``."""

from typing import TYPE_CHECKING

from bide.authoring.dag import DAG as DAG
from bide.authoring.operator import BaseOperator as BaseOperator
from bide.authoring.params import Param as Param
from bide.authoring.xcom_arg import XComArg as XComArg

if TYPE_CHECKING:
    from bide.authoring.connection import Connection as Connection
    from bide.authoring.context import DagRun as DagRun
    from bide.authoring.context import TaskInstance as TaskInstance
    from bide.authoring.links import BaseOperatorLink as BaseOperatorLink
    from bide.authoring.variable import Variable as Variable
    from bide.standard.tables import DagModel as DagModel
    from bide.standard.tables import DagTag as DagTag
    from bide.standard.tables import Log as Log
    from bide.standard.tables import Pool as Pool
    from bide.standard.tables import SlaMiss as SlaMiss
    from bide.standard.tables import TaskReschedule as TaskReschedule
    from bide.testing.dag_bag import DagBag as DagBag

#: What few DAG files need, and what is loaded when it is asked for.
_LATER = {
    "BaseOperatorLink": "bide.authoring.links.BaseOperatorLink",
    "Connection": "bide.authoring.connection.Connection",
    "DagBag": "bide.testing.dag_bag.DagBag",
    "DagModel": "bide.standard.tables.DagModel",
    "DagRun": "bide.authoring.context.DagRun",
    "DagTag": "bide.standard.tables.DagTag",
    "Log": "bide.standard.tables.Log",
    "Pool": "bide.standard.tables.Pool",
    "SlaMiss": "bide.standard.tables.SlaMiss",
    "TaskInstance": "bide.authoring.context.TaskInstance",
    "TaskReschedule": "bide.standard.tables.TaskReschedule",
    "Variable": "bide.authoring.variable.Variable",
}

__all__ = (
    "DAG",
    "BaseOperator",
    "BaseOperatorLink",
    "Connection",
    "DagBag",
    "DagModel",
    "DagRun",
    "DagTag",
    "Log",
    "Param",
    "Pool",
    "SlaMiss",
    "TaskInstance",
    "TaskReschedule",
    "Variable",
    "XComArg",
)
