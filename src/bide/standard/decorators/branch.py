"""``@task.branch`` and ``@task.short_circuit``."""

from __future__ import annotations

from bide.authoring.taskflow import PythonDecoratedOperator
from bide.standard.operators.branch import BranchPythonOperator, ShortCircuitOperator


class BranchDecoratedOperator(PythonDecoratedOperator, BranchPythonOperator):
    """The task that a call of a ``@task.branch`` function makes."""

    custom_operator_name = "@task.branch"


class ShortCircuitDecoratedOperator(PythonDecoratedOperator, ShortCircuitOperator):
    """The task that a call of a ``@task.short_circuit`` function makes."""

    custom_operator_name = "@task.short_circuit"
