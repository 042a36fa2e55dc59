"""Who runs here, in the variables that Airflow sets for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


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
