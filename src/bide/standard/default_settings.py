"""What Airflow's settings are where nobody has set them, for code that reads them without a fallback."""

from __future__ import annotations

from typing import Final

#: Settings that have moved: where they are now. A section alone stands for all of its keys.
_MOVED: Final[dict[tuple[str, str | None], tuple[str, str | None]]] = {
    ("core", "base_log_folder"): ("logging", "base_log_folder"),
    ("core", "dag_concurrency"): ("core", "max_active_tasks_per_dag"),
    ("core", "logging_level"): ("logging", "logging_level"),
    ("core", "remote_base_log_folder"): ("logging", "remote_base_log_folder"),
    ("core", "remote_log_conn_id"): ("logging", "remote_log_conn_id"),
    ("core", "remote_logging"): ("logging", "remote_logging"),
    ("core", "sql_alchemy_conn"): ("database", "sql_alchemy_conn"),
    ("kubernetes", None): ("kubernetes_executor", None),
}

_DEFAULTS: Final[dict[str, dict[str, str]]] = {
    "core": {
        "dag_discovery_safe_mode": "True",
        "dag_run_conf_overrides_params": "True",
        "dagbag_import_timeout": "30.0",
        "default_impersonation": "",
        "default_pool_task_slot_count": "128",
        "default_task_execution_timeout": "",
        "default_task_retries": "0",
        "default_task_retry_delay": "300",
        "default_task_weight_rule": "downstream",
        "hide_sensitive_var_conn_fields": "True",
        "hostname_callable": "airflow.utils.net.getfqdn",
        "lazy_load_plugins": "True",
        "max_map_length": "1024",
        "multi_team": "False",
        "security": "",
        "sensitive_var_conn_names": "",
    },
    "email": {
        "default_email_on_failure": "True",
        "default_email_on_retry": "True",
        "email_backend": "airflow.utils.email.send_email_smtp",
        "email_conn_id": "smtp_default",
    },
    "kubernetes_executor": {
        "delete_worker_pods": "True",
        "in_cluster": "True",
        "multi_namespace_mode": "False",
        "namespace": "default",
        "pod_template_file": "",
        "verify_ssl": "True",
        "worker_container_repository": "",
        "worker_container_tag": "",
    },
    "logging": {
        "encrypt_s3_logs": "False",
        "google_key_path": "",
        "logging_config_class": "",
        "logging_level": "INFO",
        "remote_base_log_folder": "",
        "remote_log_conn_id": "",
        "remote_logging": "False",
        "task_log_reader": "task",
    },
    "operators": {
        "default_cpus": "1",
        "default_deferrable": "false",
        "default_disk": "512",
        "default_gpus": "0",
        "default_owner": "airflow",
        "default_queue": "default",
        "default_ram": "512",
    },
    "scheduler": {"max_tis_per_query": "16", "scheduler_heartbeat_sec": "5"},
    "sensors": {"default_timeout": "604800"},
    "smtp": {"smtp_mail_from": "airflow@example.com", "smtp_retry_limit": "5", "smtp_timeout": "30"},
    "webserver": {"default_ui_timezone": "UTC", "expose_config": "False"},
}

#: Why some are told to nobody who runs tasks.
_KEPT: Final[dict[tuple[str, str], str]] = {
    ("core", "fernet_key"): "keys are with the engine alone: connections and variables are read by their classes",
    ("database", "sql_alchemy_conn"): "tasks and DAG files have no access to the database: use the REST API",
    ("celery", "broker_url"): "Bide has its own executors; a broker of yours is best described by a connection",
}


def newer_name(section: str, key: str) -> tuple[str, str]:
    """Where a setting of this name is now."""
    moved = _MOVED.get((section, key)) or _MOVED.get((section, None)) or (section, None)
    return moved[0] or section, moved[1] or key


def airflow_default(section: str, key: str) -> str | None:
    """What the setting is where nobody has set it; None if there is no such setting or it has no default."""
    return _DEFAULTS.get(section, {}).get(key)


def why_kept(section: str, key: str) -> str | None:
    """Why code of DAG authors is not told what the setting is."""
    return _KEPT.get((section, key))
