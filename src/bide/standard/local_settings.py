"""What packages read of ``airflow.settings``: the home folder, and the hook for pods."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from bide.authoring.moments import default_zone
from bide.authoring.plugins import load_plugins
from bide.standard.configuration import conf

#: The folder of configuration that packages look in: ``AIRFLOW_HOME``, else ``~/airflow``.
AIRFLOW_HOME: Final = os.environ.get("AIRFLOW_HOME") or str(Path.home() / "airflow")
#: Where DAG files and plugins are.
DAGS_FOLDER: Final[str] = conf.get("core", "dags_folder", str(Path(AIRFLOW_HOME) / "dags"))
PLUGINS_FOLDER: Final[str] = conf.get("core", "plugins_folder", str(Path(AIRFLOW_HOME) / "plugins"))
#: Of moments that say no zone.
TIMEZONE: Final = default_zone()


def get_airflow_home() -> str:
    """That folder."""
    return AIRFLOW_HOME


def pod_mutation_hook(pod: Any) -> None:
    """Let the policies of whoever runs Bide change a Kubernetes pod: see :mod:`bide.authoring.policies`."""
    policies = load_plugins().policies
    if policies is not None:
        policies.mutate_pod(pod)
