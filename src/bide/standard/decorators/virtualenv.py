"""``@task.virtualenv``, ``@task.external_python`` and their branching twins."""

from __future__ import annotations

from bide.authoring.taskflow import DecoratedOperator
from bide.standard.operators.external_python import BranchExternalPythonOperator, ExternalPythonOperator
from bide.standard.operators.virtualenv import BranchPythonVirtualenvOperator, PythonVirtualenvOperator


class VirtualenvDecoratedOperator(DecoratedOperator, PythonVirtualenvOperator):
    """The task that a call of a ``@task.virtualenv`` function makes."""

    template_fields = PythonVirtualenvOperator.template_fields
    custom_operator_name = "@task.virtualenv"


class ExternalPythonDecoratedOperator(DecoratedOperator, ExternalPythonOperator):
    """The task that a call of a ``@task.external_python`` function makes."""

    template_fields = ExternalPythonOperator.template_fields
    custom_operator_name = "@task.external_python"


class BranchVirtualenvDecoratedOperator(DecoratedOperator, BranchPythonVirtualenvOperator):
    """The task that a call of a ``@task.branch_virtualenv`` function makes."""

    template_fields = PythonVirtualenvOperator.template_fields
    custom_operator_name = "@task.branch_virtualenv"


class BranchExternalPythonDecoratedOperator(DecoratedOperator, BranchExternalPythonOperator):
    """The task that a call of a ``@task.branch_external_python`` function makes."""

    template_fields = ExternalPythonOperator.template_fields
    custom_operator_name = "@task.branch_external_python"
