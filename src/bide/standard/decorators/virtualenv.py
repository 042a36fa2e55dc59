"""``@task.virtualenv``, ``@task.external_python`` and their branching twins."""

from __future__ import annotations

from bide.authoring.taskflow import PythonDecoratedOperator
from bide.standard.operators.external_python import BranchExternalPythonOperator, ExternalPythonOperator
from bide.standard.operators.virtualenv import BranchPythonVirtualenvOperator, PythonVirtualenvOperator


class VirtualenvDecoratedOperator(PythonDecoratedOperator, PythonVirtualenvOperator):
    """The task that a call of a ``@task.virtualenv`` function makes."""

    template_fields = PythonVirtualenvOperator.template_fields
    custom_operator_name = "@task.virtualenv"


class ExternalPythonDecoratedOperator(PythonDecoratedOperator, ExternalPythonOperator):
    """The task that a call of a ``@task.external_python`` function makes."""

    template_fields = ExternalPythonOperator.template_fields
    custom_operator_name = "@task.external_python"


class BranchVirtualenvDecoratedOperator(PythonDecoratedOperator, BranchPythonVirtualenvOperator):
    """The task that a call of a ``@task.branch_virtualenv`` function makes."""

    template_fields = PythonVirtualenvOperator.template_fields
    custom_operator_name = "@task.branch_virtualenv"


class BranchExternalPythonDecoratedOperator(PythonDecoratedOperator, BranchExternalPythonOperator):
    """The task that a call of a ``@task.branch_external_python`` function makes."""

    template_fields = ExternalPythonOperator.template_fields
    custom_operator_name = "@task.branch_external_python"
