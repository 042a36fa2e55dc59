"""Who runs here, in the variables that Airflow sets for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_NAMES: Final = (
    "dag_email",
    "dag_owner",
    "dag_id",
    "task_id",
    "dag_run_id",
    "try_number",
    "execution_date",
    "logical_date",
)
#: How each is called in the context's way and in that of an environment.
AIRFLOW_VAR_NAME_FORMAT_MAPPING: Final = {
    f"AIRFLOW_CONTEXT_{name.upper()}": {
        "default": f"airflow.ctx.{name}",
        "env_var_format": f"AIRFLOW_CTX_{name.upper()}",
    }
    for name in _NAMES
}


def context_to_airflow_vars(context: Mapping[str, Any], in_env_var_format: bool = False) -> dict[str, str]:
    """``airflow.ctx.dag_id`` and its like, or with `in_env_var_format` ``AIRFLOW_CTX_DAG_ID``; no unknown ones."""
    instance: Any = context.get("ti") or context.get("task_instance")
    task: Any = context.get("task")
    mails: Any = getattr(task, "email", None)
    values: dict[str, Any] = {
        "dag_email": mails if isinstance(mails, str) else ",".join(mails or ()) or None,
        "dag_owner": getattr(task, "owner", None),
        "dag_id": getattr(instance, "dag_id", None),
        "task_id": getattr(instance, "task_id", None),
        "dag_run_id": getattr(instance, "run_id", None),
        "try_number": getattr(instance, "try_number", None),
        "execution_date": context.get("ts"),
        "logical_date": context.get("ts"),
    }
    known = {name: str(value) for name, value in values.items() if value is not None}
    if in_env_var_format:
        return {f"AIRFLOW_CTX_{name.upper()}": value for name, value in known.items()}
    return {f"airflow.ctx.{name}": value for name, value in known.items()}
