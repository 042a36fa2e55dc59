"""What DAG files import from ``airflow.models``."""

from typing import TYPE_CHECKING, Any

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


def __getattr__(name: str) -> Any:
    """``DagBag`` when it is asked for: DAG files need nothing of what reads them."""
    if name != "DagBag":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from airflow.models.dagbag import DagBag as found

    return found
