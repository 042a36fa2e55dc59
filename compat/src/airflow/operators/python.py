"""Python functions."""

from bide.authoring.context import get_current_context as get_current_context
from bide.authoring.python import PythonOperator as PythonOperator
from bide.authoring.skipping import SkipMixin as SkipMixin
from bide.standard.operators.branch import BranchPythonOperator as BranchPythonOperator
from bide.standard.operators.branch import ShortCircuitOperator as ShortCircuitOperator
from bide.standard.operators.external_python import BranchExternalPythonOperator as BranchExternalPythonOperator
from bide.standard.operators.external_python import ExternalPythonOperator as ExternalPythonOperator
from bide.standard.operators.virtualenv import BranchPythonVirtualenvOperator as BranchPythonVirtualenvOperator
from bide.standard.operators.virtualenv import PythonVirtualenvOperator as PythonVirtualenvOperator
