"""What is shown of operators and sensors of packages: by mode, and by how their work ends.

``python -m tests.providers.matrix`` writes the table of the guide; tests/architecture compares the two, and sees
that each test that is named here is there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

PAGE: Final = Path(__file__).parents[2] / "docs" / "guides" / "providers.md"
BEGIN, END = "<!-- written by python -m tests.providers.matrix -->\n", "<!-- end of the matrix -->\n"
ENDS: Final = ("success", "failure", "timeout", "cancel")
#: No test shows it, as a rule because there is nothing that could fail, or be left behind.
NOTHING: Final = ""

_BOTH: Final = ("blocking", "deferrable")


class Row(NamedTuple):
    """A test for each end, as ``file::name``; :data:`NOTHING` where there is none to show."""

    operator: str
    modes: tuple[str, ...]
    success: str
    failure: str
    timeout: str
    cancel: str


def _airbyte(name: str) -> str:
    return f"test_airbyte.py::{name}"


def _amazon(name: str) -> str:
    return f"test_amazon.py::{name}"


def _databricks(name: str) -> str:
    return f"test_databricks.py::{name}"


_WORK: Final = (
    _databricks("test_work_is_waited_for"),
    _databricks("test_what_fails_fails_the_task"),
    _databricks("test_what_takes_too_long_is_cancelled"),
    _databricks("test_what_runs_is_cancelled_with_the_run"),
)
_JOBS: Final = (
    _amazon("test_jobs_are_waited_for"),
    _amazon("test_jobs_that_fail_fail_their_tasks"),
    _amazon("test_a_job_does_not_outlive_its_task"),
    _amazon("test_jobs_are_stopped_with_the_run"),
)

ROWS: Final = (
    Row(
        "AirbyteTriggerSyncOperator",
        _BOTH,
        _airbyte("test_a_sync_is_started_and_waited_for"),
        _airbyte("test_one_that_fails_fails_the_task"),
        _airbyte("test_a_sync_does_not_outlive_its_task"),
        _airbyte("test_syncs_are_cancelled_with_the_run"),
    ),
    Row(
        "AirbyteJobSensor",
        ("blocking",),
        _airbyte("test_a_sensor_waits_for_a_job_of_another_task"),
        _airbyte("test_a_job_that_fails_fails_its_sensor"),
        _airbyte("test_a_sensor_gives_up"),
        NOTHING,
    ),
    Row(
        "AirbyteJobSensor",
        ("deferrable",),
        _airbyte("test_a_sensor_waits_for_a_job_of_another_task"),
        _airbyte("test_a_job_that_fails_fails_its_sensor"),
        _airbyte("test_the_trigger_gives_up_at_its_end_time"),
        NOTHING,
    ),
    Row("GlueJobOperator", _BOTH, *_JOBS),
    Row("AthenaOperator", _BOTH, *_JOBS),
    Row("GlueCrawlerOperator", _BOTH, *_JOBS[:2], NOTHING, NOTHING),
    Row("GlueCrawlerSensor", ("reschedule",), _amazon("test_jobs_are_found_on_aws"), NOTHING, NOTHING, NOTHING),
    Row(
        "EmrAddStepsOperator",
        _BOTH,
        _amazon("test_waits_of_emr_are_deferred"),
        _amazon("test_a_step_that_fails_fails_its_operator"),
        NOTHING,
        NOTHING,
    ),
    Row(
        "EmrCreateJobFlowOperator, EmrTerminateJobFlowOperator",
        _BOTH,
        _amazon("test_no_cluster_is_left"),
        NOTHING,
        NOTHING,
        NOTHING,
    ),
    Row(
        "EmrStepSensor",
        ("reschedule", "deferrable"),
        _amazon("test_sensors_of_emr_free_their_worker"),
        _amazon("test_a_step_that_fails_fails_its_sensor"),
        NOTHING,
        NOTHING,
    ),
    Row(
        "EmrJobFlowSensor",
        ("reschedule", "deferrable"),
        _amazon("test_sensors_of_emr_free_their_worker"),
        NOTHING,
        NOTHING,
        NOTHING,
    ),
    Row(
        "S3KeySensor",
        ("reschedule",),
        _amazon("test_a_worker_is_free_between_looks"),
        NOTHING,
        _amazon("test_soft_fail_skips"),
        NOTHING,
    ),
    Row(
        "S3KeySensor",
        ("deferrable",),
        _amazon("test_no_worker_is_needed"),
        NOTHING,
        _amazon("test_soft_fail_skips"),
        NOTHING,
    ),
    Row("SqsSensor", ("reschedule", "deferrable"), _amazon("test_a_message_is_pushed"), NOTHING, NOTHING, NOTHING),
    Row(
        "LambdaInvokeFunctionOperator, SnsPublishOperator",
        ("blocking",),
        _amazon("test_functions_and_topics"),
        NOTHING,
        NOTHING,
        NOTHING,
    ),
    Row("DatabricksRunNowOperator", _BOTH, *_WORK),
    Row("DatabricksSubmitRunOperator", _BOTH, *_WORK),
    Row("DatabricksNotebookOperator", _BOTH, *_WORK),
    Row("DatabricksSQLStatementsOperator", _BOTH, *_WORK),
    Row(
        "DatabricksSQLStatementsSensor",
        _BOTH,
        _databricks("test_a_sensor_waits_for_its_statement"),
        NOTHING,
        NOTHING,
        NOTHING,
    ),
    Row(
        "DatabricksWorkflowTaskGroup",
        _BOTH,
        *[_databricks("test_a_workflow_is_one_job_whose_tasks_are_followed")] * 2,
        NOTHING,
        NOTHING,
    ),
    Row(
        "DatabricksSqlOperator",
        ("blocking",),
        "test_databricks_sql.py::test_statements_are_run",
        "test_databricks_sql.py::test_a_wrong_statement_fails",
        "test_databricks_sql.py::test_a_statement_has_a_time_limit",
        NOTHING,
    ),
    Row(
        "DatabricksSqlSensor",
        ("reschedule",),
        "test_databricks_sql.py::test_a_sensor_waits_for_rows",
        NOTHING,
        "test_databricks_sql.py::test_a_sensor_gives_up",
        NOTHING,
    ),
    Row(
        "DockerOperator",
        ("blocking",),
        "test_docker.py::test_a_container_sees_its_mounts_and_variables",
        "test_docker.py::test_a_container_that_fails_fails_its_task",
        "test_docker.py::test_a_container_is_stopped_with_its_task_and_none_is_left",
        "test_docker.py::test_a_container_is_stopped_with_the_run",
    ),
    Row(
        "HttpOperator",
        _BOTH,
        "test_http.py::test_a_request_gives_its_result",
        "test_http.py::test_an_error_of_the_server_fails",
        "test_http.py::test_a_request_is_given_up",
        NOTHING,
    ),
    Row(
        "HttpSensor",
        _BOTH,
        "test_http.py::test_a_sensor_waits",
        NOTHING,
        "test_http.py::test_a_sensor_gives_up",
        NOTHING,
    ),
    Row(
        "SimpleHttpOperator",
        ("blocking",),
        "test_http.py::test_simple_http_operator_is_its_successor",
        *[NOTHING] * 3,
    ),
    Row(
        "AwaitMessageSensor",
        ("deferrable",),
        "test_messages.py::test_a_sensor_waits_for_its_message_without_a_worker",
        *[NOTHING] * 3,
    ),
    Row(
        "ProduceToTopicOperator, ConsumeFromTopicOperator",
        ("blocking",),
        "test_messages.py::test_messages_are_sent_and_received",
        *[NOTHING] * 3,
    ),
    Row(
        "SnowflakeSqlApiOperator",
        _BOTH,
        "test_snowflake.py::test_statements_of_the_api_are_waited_for",
        "test_snowflake.py::test_a_wrong_statement_fails",
        "test_snowflake.py::test_a_statement_does_not_outlive_its_task",
        "test_snowflake.py::test_statements_are_cancelled_with_the_run",
    ),
    Row("SnowflakeOperator", ("blocking",), "test_snowflake.py::test_statements_are_run", *[NOTHING] * 3),
    Row(
        "SparkSubmitOperator",
        ("blocking",),
        *["test_spark.py::test_jobs_are_submitted_and_waited_for"] * 2,
        *[NOTHING] * 2,
    ),
    Row(
        "SQLExecuteQueryOperator",
        ("blocking",),
        "test_sql.py::test_statements_of_a_file_are_filled_in",
        "test_sql.py::test_a_wrong_statement_fails",
        "test_sql.py::test_a_statement_has_a_time_limit",
        NOTHING,
    ),
    Row(
        "SqlSensor",
        ("reschedule",),
        "test_sql.py::test_a_sensor_waits_for_a_row",
        *["test_sql.py::test_a_sensor_fails_and_gives_up"] * 2,
        NOTHING,
    ),
)


def table() -> str:
    """The table of the guide."""
    lines = [f"| | mode | {' | '.join(ENDS)} |", f"|---|---|{'---|' * len(ENDS)}"]
    for row in sorted(ROWS):
        cells = " | ".join("✓" if cell else "-" for cell in row[2:])
        names = ", ".join(f"`{name}`" for name in row.operator.split(", "))
        lines.append(f"| {names} | {', '.join(row.modes)} | {cells} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the table."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{table()}{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
