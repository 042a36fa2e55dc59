"""What packages read of ``airflow.settings``: the home folder, and the hook for pods."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from bide.authoring.plugins import load_plugins

#: The folder of configuration that packages look in: ``AIRFLOW_HOME``, else ``~/airflow``.
AIRFLOW_HOME: Final = os.environ.get("AIRFLOW_HOME") or str(Path.home() / "airflow")


def get_airflow_home() -> str:
    """That folder."""
    return AIRFLOW_HOME


def pod_mutation_hook(pod: Any) -> None:
    """Let the policies of whoever runs Bide change a Kubernetes pod: see :mod:`bide.authoring.policies`."""
    policies = load_plugins().policies
    if policies is not None:
        policies.mutate_pod(pod)
