"""Settings of Airflow and what they are here: tables of names, for ``airflow.cfg`` and ``AIRFLOW__SECTION__KEY``.

The page ``docs/reference/airflow-settings.md`` is made of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

#: What Airflow's value is here, as text; None where it says nothing but what is so anyway.
Convert = Callable[[str], str | None]


def same(text: str) -> str | None:
    """The value means the same."""
    return text


def _zone(text: str) -> str | None:
    # Of the machine's own zone nothing is known but that it is not named.
    return None if text.lower() == "system" else "UTC" if text.lower() == "utc" else text


def _level(text: str) -> str | None:
    known = {"WARN": "WARNING", "CRITICAL": "ERROR", "FATAL": "ERROR", "NOTSET": "DEBUG"}
    return known.get(text.upper(), text.upper())


def _capacity(text: str) -> str | None:
    # Airflow's default: nobody has chosen it, and Bide needs no limit.
    return None if text == "1000" else text


def _template(text: str) -> str | None:
    return None if "{{" in text or "{%" in text else text


def _class_names(text: str) -> str | None:
    return ",".join(re.split(r"[\s,]+", text)) if text else None


def _own_backend(text: str) -> str | None:
    own = ("airflow.models.xcom.", "airflow.sdk.execution_time.xcom.", "airflow.providers.common.io.xcom.")
    return None if text.startswith(own) else text or None


def _url(text: str) -> str | None:
    return None if text.startswith(("http://localhost", "http://127.0.0.1")) else text


def _one_at_a_time(text: str) -> str | None:
    return "1" if text.rpartition(".")[2] == "SequentialExecutor" else None


def _compression(text: str) -> str | None:
    return text or None


class Served(NamedTuple):
    """A setting of Airflow's that Bide heeds."""

    #: ``section.key`` here.
    name: str
    convert: Convert = same
    #: What becomes of its value, where that needs to be said.
    note: str = ""
    #: Whether it is another name for the same, rather than something that follows from it.
    is_alias: bool = True


#: By (section, key) as Airflow names them. Of several for one setting the last that is given counts.
SERVED: Final[dict[tuple[str, str], Served]] = {
    ("core", "executor"): Served(
        "core.parallelism", _one_at_a_time, "tasks run in workers of this host; SequentialExecutor means one", False
    ),
    ("core", "dags_folder"): Served("core.dags_folder"),
    ("core", "plugins_folder"): Served("core.plugins_folder"),
    ("core", "parallelism"): Served("core.parallelism"),
    ("core", "dag_concurrency"): Served("core.max_active_tasks_per_dag"),
    ("core", "max_active_tasks_per_dag"): Served("core.max_active_tasks_per_dag"),
    ("core", "max_active_runs_per_dag"): Served("core.max_active_runs_per_dag"),
    ("core", "max_consecutive_failed_dag_runs_per_dag"): Served("core.max_consecutive_failed_dag_runs_per_dag"),
    ("core", "non_pooled_task_slot_count"): Served("core.default_pool_task_slot_count"),
    ("core", "default_pool_task_slot_count"): Served("core.default_pool_task_slot_count"),
    ("core", "max_map_length"): Served("core.max_map_length"),
    ("core", "default_timezone"): Served("core.default_timezone", _zone),
    ("core", "check_slas"): Served("core.check_slas"),
    ("core", "dags_are_paused_at_creation"): Served("core.dags_are_paused_at_creation"),
    ("core", "dag_discovery_safe_mode"): Served("core.dag_discovery_safe_mode"),
    ("core", "dag_ignore_file_syntax"): Served("core.dag_ignore_file_syntax"),
    ("core", "allowed_deserialization_classes"): Served("core.allowed_deserialization_classes", _class_names),
    ("core", "sensitive_var_conn_names"): Served("core.sensitive_var_conn_names"),
    ("core", "xcom_backend"): Served("core.xcom_backend", _own_backend, "Airflow's own ones mean not set"),
    ("core", "dagbag_import_timeout"): Served("parsing.timeout_sec"),
    ("core", "killed_task_cleanup_time"): Served("local_executor.grace_sec"),
    ("core", "logging_level"): Served("logging.level", _level),
    ("scheduler", "catchup_by_default"): Served("scheduler.catchup_by_default"),
    ("scheduler", "create_cron_data_intervals"): Served("scheduler.create_cron_data_intervals"),
    ("scheduler", "create_delta_data_intervals"): Served("scheduler.create_delta_data_intervals"),
    ("scheduler", "max_threads"): Served("parsing.processes"),
    ("scheduler", "parsing_processes"): Served("parsing.processes"),
    ("dag_processor", "parsing_processes"): Served("parsing.processes"),
    ("triggerer", "default_capacity"): Served(
        "triggerer.capacity", _capacity, "1000, the default there, is no limit"
    ),
    ("triggerer", "capacity"): Served("triggerer.capacity", _capacity, "1000, the default there, is no limit"),
    ("triggerer", "job_heartbeat_sec"): Served("triggerer.job_heartbeat_sec"),
    ("operators", "default_deferrable"): Served("operators.default_deferrable"),
    ("logging", "logging_level"): Served("logging.level", _level),
    ("logging", "log_filename_template"): Served(
        "logging.log_filename_template", _template, "templates of Jinja, with `{{`, say nothing here"
    ),
    ("secrets", "backend"): Served("secrets.backend"),
    ("secrets", "backend_kwargs"): Served("secrets.backend_kwargs"),
    ("secrets", "cache_ttl_seconds"): Served("secrets.cache_ttl_sec"),
    ("webserver", "base_url"): Served("api.base_url", _url, "one of this host alone says nothing"),
    ("webserver", "web_server_port"): Served("api.port"),
    ("api", "base_url"): Served("api.base_url", _url, "one of this host alone says nothing"),
    ("api", "port"): Served("api.port"),
    ("common.io", "xcom_objectstorage_path"): Served("xcom.objectstorage_path"),
    ("common.io", "xcom_objectstorage_threshold"): Served("xcom.objectstorage_threshold"),
    ("common.io", "xcom_objectstorage_compression"): Served("xcom.objectstorage_compression", _compression),
    ("smtp", "smtp_host"): Served("smtp.smtp_host"),
    ("smtp", "smtp_port"): Served("smtp.smtp_port"),
    ("smtp", "smtp_starttls"): Served("smtp.smtp_starttls"),
    ("smtp", "smtp_ssl"): Served("smtp.smtp_ssl"),
    ("smtp", "smtp_mail_from"): Served("smtp.smtp_mail_from"),
    ("smtp", "smtp_timeout"): Served("smtp.smtp_timeout"),
    ("email", "email_conn_id"): Served("email.email_conn_id"),
    ("email", "from_email"): Served("email.from_email"),
    ("email", "default_email_on_failure"): Served("email.default_email_on_failure"),
    ("email", "default_email_on_retry"): Served("email.default_email_on_retry"),
    ("email", "subject_template"): Served("email.subject_template"),
    ("email", "html_content_template"): Served("email.html_content_template"),
}

_OWN_DATABASE: Final = (
    "Bide never writes to Airflow's database: give it one of its own in [store] url, and take over connections, "
    "variables and pools by `bide migrate import`"
)
_EVENTS: Final = "nothing to set: Bide acts when something happens, and does not look around at intervals"
_FILES: Final = "nothing to set: a new or changed DAG file is seen at once"
_LOGS: Final = "logs are kept on this host, in logs/ of the state folder ($BIDE_HOME)"
_HOST: Final = "set [api] host; Bide listens on this host alone unless it is told otherwise"
_MAIL_LOGIN: Final = "put it into the connection smtp_default"
_SAYS_TASK: Final = "say it in default_args of the DAGs"
_HEALTH: Final = "nothing to set: the API answers /api/v2/monitor/health"
_ALIVE: Final = "set [triggerer] job_heartbeat_sec: 2.1 of them without a sign"
_USERS: Final = "there is one user, admin, with the password in the state folder"
_METRICS: Final = "`Stats` in tasks sends by the settings of [metrics]; of the engine see `bide waits stats`"
INNER: Final = "nothing to set: it is about the inner workings of Airflow"
#: Settings of that kind, of Airflow 2 and 3, by section.
_INNER_SETTINGS: Final = {
    "core": """
        allow_double_dot_in_ids asset_manager_class asset_manager_kwargs compress_serialized_dags daemon_umask
        dagbag_import_error_traceback_depth dagbag_import_error_tracebacks database_access_isolation
        dataset_manager_class dataset_manager_kwargs execute_tasks_new_python_interpreter
        execution_api_server_url fernet_key_old internal_api_url lazy_discover_providers lazy_load_plugins
        load_default_connections max_num_rendered_ti_fields_per_task max_templated_field_length
        might_contain_dag_callable min_serialized_dag_fetch_interval mp_forkserver_preload mp_start_method
        multi_team num_dag_runs_to_retain_rendered_fields strict_dataset_uri_validation task_runner
        task_success_overtime team_name_cache_ttl unit_test_mode
    """,
    "scheduler": """
        child_process_log_directory clean_tis_without_dagrun_interval dag_stale_not_seen_duration
        dagrun_metrics_interval deactivate_stale_dags_interval dependency_detector enable_tracemalloc
        file_parsing_sort_mode ignore_first_depends_on_past_by_default local_task_job_heartbeat_sec
        max_callbacks_per_loop max_dagruns_per_loop num_runs only_idle orphaned_tasks_check_interval
        parsing_cleanup_interval parsing_pre_import_modules partition_mapper_max_downstream_keys
        pool_metrics_interval print_stats_interval processor_poll_interval run_duration
        schedule_after_task_execution scheduler_idle_sleep_time stale_dag_threshold standalone_dag_processor
        statsd_allow_list statsd_block_list task_instance_heartbeat_sec
        task_instance_heartbeat_timeout_detection_interval task_queued_timeout_check_interval
        ti_metrics_interval trigger_timeout_check_interval zombie_detection_interval
    """,
    "triggerer": """
        blocked_main_thread_warning_threshold max_trigger_to_select_per_loop queues_enabled
        runner_health_check_threshold shared_stream_ack_timeout shared_stream_cohort_grace_period
        shared_stream_subscriber_queue_size
    """,
    "logging": """
        callsite_parameters celery_logging_level celery_stdout_stderr_separation color_log_error_keywords
        color_log_warning_keywords colored_console_log colored_formatter_class colored_log_format
        dag_processor_child_process_log_directory dag_processor_log_format dag_processor_log_target
        dag_processor_manager_log_location dag_processor_manager_log_stdout delete_local_logs
        enable_task_context_logger extra_logger_names fab_logging_level file_task_handler_new_file_permissions
        file_task_handler_new_folder_permissions google_key_path interleave_timestamp_parser json_logs
        log_formatter_class log_processor_filename_template log_timestamp_format min_length_masked_secret
        namespace_levels remote_task_handler_kwargs secret_mask_adapter task_log_prefix_template task_log_reader
        trigger_log_server_port uvicorn_logging_level worker_log_server_port
    """,
    "email": "ssl_context",
}

#: Settings that have no effect here, and what to do about that.
UNSERVED: Final[dict[tuple[str, str], str]] = {
    ("core", "sql_alchemy_conn"): _OWN_DATABASE,
    ("core", "fernet_key"): "Bide makes keys of its own; this one is needed by `bide migrate import` alone",
    ("core", "load_examples"): "nothing to set: Bide brings no DAGs of its own",
    ("core", "default_task_retries"): _SAYS_TASK,
    ("core", "default_task_retry_delay"): _SAYS_TASK,
    ("core", "default_task_execution_timeout"): _SAYS_TASK,
    ("core", "default_task_weight_rule"): _SAYS_TASK,
    (
        "core",
        "default_impersonation",
    ): "tasks run as the user that runs Bide; give containers to those that must not",
    (
        "core",
        "enable_xcom_pickling",
    ): "nothing is unpickled: name classes in [core] allowed_deserialization_classes",
    ("core", "donot_pickle"): "nothing to set: DAGs are never pickled",
    ("core", "security"): "log in with Kerberos where the task needs it (KerberosService)",
    ("core", "store_dag_code"): "nothing to set",
    ("core", "store_serialized_dags"): "nothing to set: DAGs are always stored",
    ("core", "min_serialized_dag_update_interval"): _FILES,
    ("core", "hostname_callable"): "read by packages, not by the engine",
    ("core", "dag_run_conf_overrides_params"): "nothing to set: conf always overrides params",
    ("core", "remote_logging"): _LOGS,
    ("core", "base_log_folder"): _LOGS,
    ("operators", "default_owner"): _SAYS_TASK,
    ("operators", "default_queue"): _SAYS_TASK,
    ("operators", "default_cpus"): "tasks ask for no resources here; use pools",
    ("operators", "default_ram"): "tasks ask for no resources here; use pools",
    ("operators", "default_disk"): "tasks ask for no resources here; use pools",
    ("operators", "default_gpus"): "tasks ask for no resources here; use pools",
    ("operators", "allow_illegal_arguments"): "an argument that an operator does not know is refused",
    ("scheduler", "scheduler_heartbeat_sec"): _EVENTS,
    ("scheduler", "job_heartbeat_sec"): "set [triggerer] job_heartbeat_sec, which is that of all engines",
    ("scheduler", "min_file_process_interval"): _FILES,
    ("scheduler", "dag_dir_list_interval"): _FILES,
    ("dag_processor", "min_file_process_interval"): _FILES,
    ("dag_processor", "refresh_interval"): _FILES,
    ("dag_processor", "dag_file_processor_timeout"): "set [parsing] timeout_sec",
    ("scheduler", "dag_file_processor_timeout"): "set [parsing] timeout_sec",
    ("scheduler", "max_tis_per_query"): _EVENTS,
    ("scheduler", "max_dagruns_to_create_per_loop"): _EVENTS,
    ("scheduler", "max_dagruns_per_loop_to_schedule"): _EVENTS,
    ("scheduler", "use_row_level_locking"): "nothing to set: several engines are always safe on PostgreSQL",
    ("scheduler", "allow_trigger_in_future"): "nothing to set: a run of a later date waits for it (run_after)",
    ("scheduler", "use_job_schedule"): "pause the DAGs that are not to run by their schedules",
    (
        "scheduler",
        "scheduler_zombie_task_threshold",
    ): "set [triggerer] job_heartbeat_sec: 2.1 of them without a sign",
    ("scheduler", "task_queued_timeout"): _EVENTS,
    ("api", "host"): _HOST,
    ("webserver", "web_server_host"): _HOST,
    ("api", "auth_backends"): "log in by the user admin or a token",
    ("smtp", "smtp_user"): _MAIL_LOGIN,
    ("smtp", "smtp_password"): _MAIL_LOGIN,
    ("smtp", "smtp_retry_limit"): "nothing to set: a mail is sent once, and a failure is in the log",
    ("email", "email_backend"): "mails go by SMTP: see [smtp] and [email]",
    ("logging", "base_log_folder"): _LOGS,
    ("logging", "remote_logging"): _LOGS,
    ("logging", "remote_base_log_folder"): _LOGS,
    ("logging", "remote_log_conn_id"): _LOGS,
    ("logging", "encrypt_s3_logs"): _LOGS,
    ("logging", "log_retention_days"): "set [retention] max_age_days, by which logs go with their runs",
    ("logging", "logging_config_class"): "set [logging] level; the format of logs is fixed",
    ("logging", "log_format"): "set [logging] level; the format of logs is fixed",
    ("logging", "simple_log_format"): "set [logging] level; the format of logs is fixed",
    ("secrets", "use_cache"): "set [secrets] cache_ttl_sec; 0 for no cache",
    (
        "secrets",
        "backends_order",
    ): "nothing to set: the environment is asked first, then the backend, then the store",
    ("core", "hide_sensitive_var_conn_fields"): "nothing to set: they are always hidden",
    ("core", "secure_mode"): "nothing to set: conf comes from those who may start runs",
    ("core", "max_task_retry_delay"): "say max_retry_delay in default_args of the DAGs",
    ("core", "allowed_deserialization_classes_regexp"): "name classes in [core] allowed_deserialization_classes",
    ("core", "rerun_with_latest_version"): "say --latest where you clear tasks",
    ("core", "auth_manager"): _USERS,
    ("core", "simple_auth_manager_users"): _USERS,
    ("core", "simple_auth_manager_all_admins"): _USERS,
    ("core", "simple_auth_manager_passwords_file"): _USERS,
    ("scheduler", "enable_health_check"): _HEALTH,
    ("scheduler", "scheduler_health_check_server_host"): _HEALTH,
    ("scheduler", "scheduler_health_check_server_port"): _HEALTH,
    ("scheduler", "scheduler_health_check_threshold"): _ALIVE,
    ("scheduler", "task_instance_heartbeat_timeout"): _ALIVE,
    (
        "scheduler",
        "allowed_run_id_pattern",
    ): "nothing to set: a run id is up to 250 letters, digits or any of `_ - . ~ : + @`",
    ("scheduler", "statsd_on"): _METRICS,
    ("scheduler", "statsd_host"): _METRICS,
    ("scheduler", "statsd_port"): _METRICS,
    ("scheduler", "statsd_prefix"): _METRICS,
    ("triggerer", "triggerer_health_check_threshold"): _ALIVE,
    ("triggerer", "on_kill_timeout"): "say cancel_timeout of the operator",
    **{(section, key): INNER for section, text in _INNER_SETTINGS.items() for key in text.split()},
}

#: Whole sections whose other settings have no effect here, and what to do about that.
SECTIONS: Final[dict[str, str]] = {
    "api": "see [api]: the server is Bide's own",
    "api_auth": "see [api]: the server is Bide's own",
    "webserver": "see [api]: the server is Bide's own",
    "fab": _USERS,
    "simple_auth_manager": _USERS,
    "ldap": _USERS,
    "admin": "nothing to set: values of secret names are always hidden",
    "cli": "commands work on the store itself",
    "database": _OWN_DATABASE,
    "dag_processor": "see [parsing]",
    "debug": "use `dag.test()` or `bide dags test`",
    "workers": "see [local_executor]",
    "execution_api": "nothing to set: tasks talk to the engine of their host",
    "celery": "tasks run in workers of each `bide scheduler`, as many as [core] parallelism says",
    "celery_executor_conf": "tasks run in workers of each `bide scheduler`, as many as [core] parallelism says",
    "celery_broker_transport_options": "there is no broker",
    "celery_kubernetes_executor": "tasks run in workers of each `bide scheduler`",
    "local_kubernetes_executor": "tasks run in workers of each `bide scheduler`",
    "dask": "tasks run in workers of each `bide scheduler`",
    "kubernetes": "tasks run in workers of each `bide scheduler`; KubernetesPodOperator makes pods",
    "kubernetes_executor": "tasks run in workers of each `bide scheduler`; KubernetesPodOperator makes pods",
    "kubernetes_environment_variables": "tasks have the environment of their `bide scheduler`",
    "kubernetes_secrets": "tasks have the environment of their `bide scheduler`",
    "metrics": "`Stats` in tasks sends by its statsd settings; of the engine see `bide waits stats`",
    "connection_test": "nothing to set: `bide connections test` may always be used",
    "profiling": "nothing to set",
    "callbacks": "nothing to set",
    "state_store": "nothing to set: the state of tasks is kept in the store",
    "sentry": "call it from on_failure_callback, or from a listener of a plugin",
    "traces": "no traces are sent",
    "usage_data_collection": "nothing to set: none is collected",
    "lineage": "give inlets and outlets to tasks",
    "atlas": "give inlets and outlets to tasks",
    "elasticsearch": _LOGS,
    "elasticsearch_configs": _LOGS,
    "dag_versioning": "nothing to set: a run keeps the version of its DAG",
    "core": "",
    "scheduler": "",
    "triggerer": "",
    "operators": "",
    "logging": "",
    "secrets": "",
    "smtp": "",
    "email": "",
}

#: Sections whose settings nobody but the engine is told.
ENGINE_ONLY: Final = frozenset({"database", "secrets", "celery", "api_auth", "fab", "ldap"})
#: Further settings of that kind.
ENGINE_ONLY_SETTINGS: Final = frozenset(
    {
        ("core", "fernet_key"),
        ("core", "sql_alchemy_conn"),
        ("core", "internal_api_secret_key"),
        ("webserver", "secret_key"),
        ("api", "secret_key"),
    }
)
#: Beginnings of the variables that may hold them.
ENGINE_ONLY_VARIABLES: Final = (
    *(f"AIRFLOW__{section}__".upper() for section in sorted(ENGINE_ONLY)),
    *(f"AIRFLOW__{section}__{key}".upper() for section, key in sorted(ENGINE_ONLY_SETTINGS)),
)


def is_for_engine(section: str, key: str) -> bool:
    """Whether only the engine may know a setting of Airflow's."""
    return section in ENGINE_ONLY or (section, key) in ENGINE_ONLY_SETTINGS
