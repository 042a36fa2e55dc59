"""Python functions."""

from typing import TYPE_CHECKING

from bide.authoring.python import PythonOperator as PythonOperator

if TYPE_CHECKING:
    from bide.authoring.context import get_current_context as get_current_context
    from bide.authoring.skipping import SkipMixin as SkipMixin
    from bide.standard.operators.branch import BranchPythonOperator as BranchPythonOperator
    from bide.standard.operators.branch import ShortCircuitOperator as ShortCircuitOperator
    from bide.standard.operators.external_python import BranchExternalPythonOperator as BranchExternalPythonOperator
    from bide.standard.operators.external_python import ExternalPythonOperator as ExternalPythonOperator
    from bide.standard.operators.virtualenv import BranchPythonVirtualenvOperator as BranchPythonVirtualenvOperator
    from bide.standard.operators.virtualenv import PythonVirtualenvOperator as PythonVirtualenvOperator
    from bide.standard.operators.virtualenv import is_venv_installed as is_venv_installed

#: What few DAG files need, and what is loaded when it is asked for.
_LATER = {
    "BranchExternalPythonOperator": "bide.standard.operators.external_python.BranchExternalPythonOperator",
    "BranchPythonOperator": "bide.standard.operators.branch.BranchPythonOperator",
    "BranchPythonVirtualenvOperator": "bide.standard.operators.virtualenv.BranchPythonVirtualenvOperator",
    "ExternalPythonOperator": "bide.standard.operators.external_python.ExternalPythonOperator",
    "PythonVirtualenvOperator": "bide.standard.operators.virtualenv.PythonVirtualenvOperator",
    "ShortCircuitOperator": "bide.standard.operators.branch.ShortCircuitOperator",
    "SkipMixin": "bide.authoring.skipping.SkipMixin",
    "get_current_context": "bide.authoring.context.get_current_context",
    "is_venv_installed": "bide.standard.operators.virtualenv.is_venv_installed",
}

__all__ = (
    "BranchExternalPythonOperator",
    "BranchPythonOperator",
    "BranchPythonVirtualenvOperator",
    "ExternalPythonOperator",
    "PythonOperator",
    "PythonVirtualenvOperator",
    "ShortCircuitOperator",
    "SkipMixin",
    "get_current_context",
    "is_venv_installed",
)
