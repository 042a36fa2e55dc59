"""What DAG files import from ``airflow.models``."""

from bide.authoring.connection import Connection as Connection
from bide.authoring.context import DagRun as DagRun
from bide.authoring.context import TaskInstance as TaskInstance
from bide.authoring.dag import DAG as DAG
from bide.authoring.operator import BaseOperator as BaseOperator
from bide.authoring.params import Param as Param
from bide.authoring.variable import Variable as Variable
from bide.authoring.xcom_arg import XComArg as XComArg
