"""What to use instead of what is not here: by path of a module, or of a name in one; parts of it count, too."""

#: Said of everything else.
REPORT = "if a DAG file or provider package needs it, please report the line that imports it as an issue of Bide"

_SQL = "airflow.providers.common.sql.operators.sql.SQLExecuteQueryOperator, with conn_id"

INSTEAD: dict[str, str] = {
    "airflow.api": "the engine has a REST API of its own: see `bide api-server`",
    "airflow.api_connexion": "the engine has a REST API of its own: see `bide api-server`",
    "airflow.api_fastapi": "Bide serves its own API and login; it takes no auth managers or routes of packages",
    "airflow.auth": "Bide serves its own API and login; it takes no auth managers of packages",
    "airflow.cli": "Bide has its own commands, which packages can't add to: see `bide --help`",
    "airflow.dag_processing": "Bide reads DAG files by itself; name their folder in [core] dags_folder",
    "airflow.executors": "Bide has its own executors, and takes none of packages: see [core] executor",
    "airflow.jobs": "Bide's engine has no jobs: see `bide scheduler` and `bide triggerer`",
    "airflow.kubernetes": "use airflow.providers.cncf.kubernetes",
    "airflow.models.dagpickle": "DAGs are never pickled",
    "airflow.operators.subdag": "sub-DAGs are gone: use task groups (airflow.sdk.TaskGroup)",
    "airflow.operators.subdag_operator": "sub-DAGs are gone: use task groups (airflow.sdk.TaskGroup)",
    "airflow.settings": "settings are read by airflow.configuration.conf",
    "airflow.utils.cli": "Bide has its own commands, which packages can't add to: see `bide --help`",
    "airflow.datasets.Dataset": "airflow.sdk.Asset",
    "airflow.utils.dates.days_ago": "a fixed start_date, or pendulum.today('UTC').subtract(days=N)",
    "airflow.utils.db": "tasks and DAG files have no access to the database: use the REST API",
    "airflow.utils.log.file_task_handler": "Bide writes the logs of tasks itself: see [logging]",
    "airflow.www": "Bide has its own pages; packages can't add to them",
    "airflow.contrib.operators.snowflake_operator.SnowflakeOperator": _SQL,
    "airflow.operators.mssql_operator.MsSqlOperator": _SQL,
    "airflow.operators.mysql_operator.MySqlOperator": _SQL,
    "airflow.operators.postgres_operator.PostgresOperator": _SQL,
    "airflow.operators.sqlite_operator.SqliteOperator": _SQL,
    "airflow.providers.amazon.aws.operators.redshift_sql.RedshiftSQLOperator": _SQL,
    "airflow.providers.microsoft.mssql.operators.mssql.MsSqlOperator": _SQL,
    "airflow.providers.mysql.operators.mysql.MySqlOperator": _SQL,
    "airflow.providers.postgres.operators.postgres.PostgresOperator": _SQL,
    "airflow.providers.snowflake.operators.snowflake.SnowflakeOperator": _SQL,
    "airflow.providers.sqlite.operators.sqlite.SqliteOperator": _SQL,
}
