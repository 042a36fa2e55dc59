"""Where names are now that provider packages have, or that were in ``airflow.contrib``."""

MOVED_PACKAGES: dict[str, dict[str, str]] = {
    "airflow.contrib.hooks.aws_glue_catalog_hook": {
        "AwsGlueCatalogHook": "airflow.providers.amazon.aws.hooks.glue_catalog.GlueCatalogHook",
    },
    "airflow.contrib.hooks.aws_hook": {
        "AwsBaseHook": "airflow.providers.amazon.aws.hooks.base_aws.AwsBaseHook",
        "AwsHook": "airflow.providers.amazon.aws.hooks.base_aws.AwsBaseHook",
    },
    "airflow.contrib.hooks.aws_lambda_hook": {
        "AwsLambdaHook": "airflow.providers.amazon.aws.hooks.lambda_function.LambdaHook",
    },
    "airflow.contrib.hooks.aws_sns_hook": {
        "AwsSnsHook": "airflow.providers.amazon.aws.hooks.sns.SnsHook",
    },
    "airflow.contrib.hooks.aws_sqs_hook": {
        "SQSHook": "airflow.providers.amazon.aws.hooks.sqs.SqsHook",
    },
    "airflow.contrib.hooks.bigquery_hook": {
        "BigQueryHook": "airflow.providers.google.cloud.hooks.bigquery.BigQueryHook",
    },
    "airflow.contrib.hooks.databricks_hook": {
        "DatabricksHook": "airflow.providers.databricks.hooks.databricks.DatabricksHook",
    },
    "airflow.contrib.hooks.emr_hook": {
        "EmrHook": "airflow.providers.amazon.aws.hooks.emr.EmrHook",
    },
    "airflow.contrib.hooks.ftp_hook": {
        "FTPHook": "airflow.providers.ftp.hooks.ftp.FTPHook",
        "FTPSHook": "airflow.providers.ftp.hooks.ftp.FTPSHook",
    },
    "airflow.contrib.hooks.gcs_hook": {
        "GCSHook": "airflow.providers.google.cloud.hooks.gcs.GCSHook",
        "GoogleCloudStorageHook": "airflow.providers.google.cloud.hooks.gcs.GCSHook",
    },
    "airflow.contrib.hooks.redis_hook": {
        "RedisHook": "airflow.providers.redis.hooks.redis.RedisHook",
    },
    "airflow.contrib.hooks.sftp_hook": {
        "SFTPHook": "airflow.providers.sftp.hooks.sftp.SFTPHook",
    },
    "airflow.contrib.hooks.slack_webhook_hook": {
        "SlackWebhookHook": "airflow.providers.slack.hooks.slack_webhook.SlackWebhookHook",
    },
    "airflow.contrib.hooks.snowflake_hook": {
        "SnowflakeHook": "airflow.providers.snowflake.hooks.snowflake.SnowflakeHook",
    },
    "airflow.contrib.hooks.spark_submit_hook": {
        "SparkSubmitHook": "airflow.providers.apache.spark.hooks.spark_submit.SparkSubmitHook",
    },
    "airflow.contrib.hooks.ssh_hook": {
        "SSHHook": "airflow.providers.ssh.hooks.ssh.SSHHook",
    },
    "airflow.contrib.operators.aws_athena_operator": {
        "AWSAthenaOperator": "airflow.providers.amazon.aws.operators.athena.AthenaOperator",
    },
    "airflow.contrib.operators.awsbatch_operator": {
        "AWSBatchOperator": "airflow.providers.amazon.aws.operators.batch.BatchOperator",
    },
    "airflow.contrib.operators.databricks_operator": {
        "DatabricksRunNowOperator": "airflow.providers.databricks.operators.databricks.DatabricksRunNowOperator",
        "DatabricksSubmitRunOperator": "airflow.providers.databricks.operators.databricks.DatabricksSubmitRunOperator",
    },
    "airflow.contrib.operators.ecs_operator": {
        "ECSOperator": "airflow.providers.amazon.aws.operators.ecs.EcsRunTaskOperator",
    },
    "airflow.contrib.operators.emr_add_steps_operator": {
        "EmrAddStepsOperator": "airflow.providers.amazon.aws.operators.emr.EmrAddStepsOperator",
    },
    "airflow.contrib.operators.emr_create_job_flow_operator": {
        "EmrCreateJobFlowOperator": "airflow.providers.amazon.aws.operators.emr.EmrCreateJobFlowOperator",
    },
    "airflow.contrib.operators.emr_terminate_job_flow_operator": {
        "EmrTerminateJobFlowOperator": "airflow.providers.amazon.aws.operators.emr.EmrTerminateJobFlowOperator",
    },
    "airflow.contrib.operators.kubernetes_pod_operator": {
        "KubernetesPodOperator": "airflow.providers.cncf.kubernetes.operators.pod.KubernetesPodOperator",
    },
    "airflow.contrib.operators.redis_publish_operator": {
        "RedisPublishOperator": "airflow.providers.redis.operators.redis_publish.RedisPublishOperator",
    },
    "airflow.contrib.operators.sftp_operator": {
        "SFTPOperator": "airflow.providers.sftp.operators.sftp.SFTPOperator",
    },
    "airflow.contrib.operators.slack_webhook_operator": {
        "SlackWebhookOperator": "airflow.providers.slack.operators.slack_webhook.SlackWebhookOperator",
    },
    "airflow.contrib.operators.sns_publish_operator": {
        "SnsPublishOperator": "airflow.providers.amazon.aws.operators.sns.SnsPublishOperator",
    },
    "airflow.contrib.operators.spark_jdbc_operator": {
        "SparkJDBCOperator": "airflow.providers.apache.spark.operators.spark_jdbc.SparkJDBCOperator",
    },
    "airflow.contrib.operators.spark_sql_operator": {
        "SparkSqlOperator": "airflow.providers.apache.spark.operators.spark_sql.SparkSqlOperator",
    },
    "airflow.contrib.operators.spark_submit_operator": {
        "SparkSubmitOperator": "airflow.providers.apache.spark.operators.spark_submit.SparkSubmitOperator",
    },
    "airflow.contrib.operators.ssh_operator": {
        "SSHOperator": "airflow.providers.ssh.operators.ssh.SSHOperator",
    },
    "airflow.contrib.sensors.aws_glue_catalog_partition_sensor": {
        "AwsGlueCatalogPartitionSensor": "airflow.providers.amazon.aws.sensors.glue_catalog_partition.GlueCatalogPartitionSensor",
    },
    "airflow.contrib.sensors.aws_sqs_sensor": {
        "SQSSensor": "airflow.providers.amazon.aws.sensors.sqs.SqsSensor",
    },
    "airflow.contrib.sensors.bash_sensor": {
        "BashSensor": "airflow.providers.standard.sensors.bash.BashSensor",
    },
    "airflow.contrib.sensors.emr_job_flow_sensor": {
        "EmrJobFlowSensor": "airflow.providers.amazon.aws.sensors.emr.EmrJobFlowSensor",
    },
    "airflow.contrib.sensors.emr_step_sensor": {
        "EmrStepSensor": "airflow.providers.amazon.aws.sensors.emr.EmrStepSensor",
    },
    "airflow.contrib.sensors.file_sensor": {
        "FileSensor": "airflow.providers.standard.sensors.filesystem.FileSensor",
    },
    "airflow.contrib.sensors.ftp_sensor": {
        "FTPSSensor": "airflow.providers.ftp.sensors.ftp.FTPSSensor",
        "FTPSensor": "airflow.providers.ftp.sensors.ftp.FTPSensor",
    },
    "airflow.contrib.sensors.python_sensor": {
        "PythonSensor": "airflow.providers.standard.sensors.python.PythonSensor",
    },
    "airflow.contrib.sensors.redis_key_sensor": {
        "RedisKeySensor": "airflow.providers.redis.sensors.redis_key.RedisKeySensor",
    },
    "airflow.contrib.sensors.sftp_sensor": {
        "SFTPSensor": "airflow.providers.sftp.sensors.sftp.SFTPSensor",
    },
    "airflow.contrib.sensors.weekday_sensor": {
        "DayOfWeekSensor": "airflow.providers.standard.sensors.weekday.DayOfWeekSensor",
    },
    "airflow.hooks.S3_hook": {
        "S3Hook": "airflow.providers.amazon.aws.hooks.s3.S3Hook",
    },
    "airflow.hooks.dbapi": {
        "DbApiHook": "airflow.providers.common.sql.hooks.sql.DbApiHook",
    },
    "airflow.hooks.dbapi_hook": {
        "DbApiHook": "airflow.providers.common.sql.hooks.sql.DbApiHook",
    },
    "airflow.hooks.docker_hook": {
        "DockerHook": "airflow.providers.docker.hooks.docker.DockerHook",
    },
    "airflow.hooks.http_hook": {
        "HttpHook": "airflow.providers.http.hooks.http.HttpHook",
    },
    "airflow.hooks.mysql_hook": {
        "MySqlHook": "airflow.providers.mysql.hooks.mysql.MySqlHook",
    },
    "airflow.hooks.postgres_hook": {
        "PostgresHook": "airflow.providers.postgres.hooks.postgres.PostgresHook",
    },
    "airflow.hooks.slack_hook": {
        "SlackHook": "airflow.providers.slack.hooks.slack.SlackHook",
    },
    "airflow.hooks.sqlite_hook": {
        "SqliteHook": "airflow.providers.sqlite.hooks.sqlite.SqliteHook",
    },
    "airflow.kubernetes.kube_client": {
        "get_kube_client": "airflow.providers.cncf.kubernetes.kube_client.get_kube_client",
    },
    "airflow.kubernetes.pod_generator": {
        "PodGenerator": "airflow.providers.cncf.kubernetes.pod_generator.PodGenerator",
    },
    "airflow.kubernetes.secret": {
        "Secret": "airflow.providers.cncf.kubernetes.secret.Secret",
    },
    "airflow.contrib.kubernetes.secret": {
        "Secret": "airflow.providers.cncf.kubernetes.secret.Secret",
    },
    "airflow.lineage.entities": {
        "Column": "airflow.providers.common.compat.lineage.entities.Column",
        "File": "airflow.providers.common.compat.lineage.entities.File",
        "Table": "airflow.providers.common.compat.lineage.entities.Table",
        "Tag": "airflow.providers.common.compat.lineage.entities.Tag",
        "User": "airflow.providers.common.compat.lineage.entities.User",
    },
    "airflow.operators.check_operator": {
        "CheckOperator": "airflow.providers.common.sql.operators.sql.SQLCheckOperator",
        "IntervalCheckOperator": "airflow.providers.common.sql.operators.sql.SQLIntervalCheckOperator",
        "SQLCheckOperator": "airflow.providers.common.sql.operators.sql.SQLCheckOperator",
        "SQLIntervalCheckOperator": "airflow.providers.common.sql.operators.sql.SQLIntervalCheckOperator",
        "SQLThresholdCheckOperator": "airflow.providers.common.sql.operators.sql.SQLThresholdCheckOperator",
        "SQLValueCheckOperator": "airflow.providers.common.sql.operators.sql.SQLValueCheckOperator",
        "ThresholdCheckOperator": "airflow.providers.common.sql.operators.sql.SQLThresholdCheckOperator",
        "ValueCheckOperator": "airflow.providers.common.sql.operators.sql.SQLValueCheckOperator",
    },
    "airflow.operators.docker_operator": {
        "DockerOperator": "airflow.providers.docker.operators.docker.DockerOperator",
    },
    "airflow.operators.generic_transfer": {
        "GenericTransfer": "airflow.providers.common.sql.operators.generic_transfer.GenericTransfer",
    },
    "airflow.operators.http_operator": {
        "SimpleHttpOperator": "airflow.providers.http.operators.http.HttpOperator",
    },
    "airflow.operators.slack_operator": {
        "SlackAPIOperator": "airflow.providers.slack.operators.slack.SlackAPIOperator",
        "SlackAPIPostOperator": "airflow.providers.slack.operators.slack.SlackAPIPostOperator",
    },
    "airflow.operators.sql": {
        "BaseSQLOperator": "airflow.providers.common.sql.operators.sql.BaseSQLOperator",
        "BranchSQLOperator": "airflow.providers.common.sql.operators.sql.BranchSQLOperator",
        "SQLCheckOperator": "airflow.providers.common.sql.operators.sql.SQLCheckOperator",
        "SQLColumnCheckOperator": "airflow.providers.common.sql.operators.sql.SQLColumnCheckOperator",
        "SQLIntervalCheckOperator": "airflow.providers.common.sql.operators.sql.SQLIntervalCheckOperator",
        "SQLTableCheckOperator": "airflow.providers.common.sql.operators.sql.SQLTableCheckOperator",
        "SQLThresholdCheckOperator": "airflow.providers.common.sql.operators.sql.SQLThresholdCheckOperator",
        "SQLValueCheckOperator": "airflow.providers.common.sql.operators.sql.SQLValueCheckOperator",
    },
    "airflow.providers.airbyte.version_compat": {
        "BaseOperator": "airflow.sdk.BaseOperator",
        "BaseSensorOperator": "airflow.sdk.BaseSensorOperator",
    },
    "airflow.providers.amazon.aws.operators.emr_add_steps": {
        "EmrAddStepsOperator": "airflow.providers.amazon.aws.operators.emr.EmrAddStepsOperator",
    },
    "airflow.providers.amazon.aws.operators.emr_create_job_flow": {
        "EmrCreateJobFlowOperator": "airflow.providers.amazon.aws.operators.emr.EmrCreateJobFlowOperator",
    },
    "airflow.providers.amazon.aws.operators.emr_terminate_job_flow": {
        "EmrTerminateJobFlowOperator": "airflow.providers.amazon.aws.operators.emr.EmrTerminateJobFlowOperator",
    },
    "airflow.providers.amazon.aws.sensors.emr_job_flow": {
        "EmrJobFlowSensor": "airflow.providers.amazon.aws.sensors.emr.EmrJobFlowSensor",
    },
    "airflow.providers.amazon.aws.sensors.emr_step": {
        "EmrStepSensor": "airflow.providers.amazon.aws.sensors.emr.EmrStepSensor",
    },
    "airflow.providers.amazon.aws.sensors.s3_key": {
        "S3KeySensor": "airflow.providers.amazon.aws.sensors.s3.S3KeySensor",
    },
    "airflow.providers.cncf.kubernetes.operators.kubernetes_pod": {
        "KubernetesPodOperator": "airflow.providers.cncf.kubernetes.operators.pod.KubernetesPodOperator",
    },
    "airflow.providers.http.operators.http": {
        "SimpleHttpOperator": "airflow.providers.http.operators.http.HttpOperator",
    },
    "airflow.sensors.http_sensor": {
        "HttpSensor": "airflow.providers.http.sensors.http.HttpSensor",
    },
    "airflow.sensors.s3_key_sensor": {
        "S3KeySensor": "airflow.providers.amazon.aws.sensors.s3.S3KeySensor",
    },
    "airflow.sensors.sql": {
        "SqlSensor": "airflow.providers.common.sql.sensors.sql.SqlSensor",
    },
    "airflow.sensors.sql_sensor": {
        "SqlSensor": "airflow.providers.common.sql.sensors.sql.SqlSensor",
    },
    "airflow.contrib.operators.snowflake_operator": {
        "SnowflakeOperator": "bide.standard.operators.dropped_sql.SnowflakeOperator",
    },
    "airflow.operators.mssql_operator": {
        "MsSqlOperator": "bide.standard.operators.dropped_sql.MsSqlOperator",
    },
    "airflow.operators.mysql_operator": {
        "MySqlOperator": "bide.standard.operators.dropped_sql.MySqlOperator",
    },
    "airflow.operators.postgres_operator": {
        "PostgresOperator": "bide.standard.operators.dropped_sql.PostgresOperator",
    },
    "airflow.operators.sqlite_operator": {
        "SqliteOperator": "bide.standard.operators.dropped_sql.SqliteOperator",
    },
    "airflow.providers.amazon.aws.operators.redshift_sql": {
        "RedshiftSQLOperator": "bide.standard.operators.dropped_sql.RedshiftSQLOperator",
    },
    "airflow.providers.microsoft.mssql.operators.mssql": {
        "MsSqlOperator": "bide.standard.operators.dropped_sql.MsSqlOperator",
    },
    "airflow.providers.mysql.operators.mysql": {
        "MySqlOperator": "bide.standard.operators.dropped_sql.MySqlOperator",
    },
    "airflow.providers.postgres.operators.postgres": {
        "PostgresOperator": "bide.standard.operators.dropped_sql.PostgresOperator",
    },
    "airflow.providers.snowflake.operators.snowflake": {
        "SnowflakeOperator": "bide.standard.operators.dropped_sql.SnowflakeOperator",
    },
    "airflow.providers.sqlite.operators.sqlite": {
        "SqliteOperator": "bide.standard.operators.dropped_sql.SqliteOperator",
    },
}

#: Bide's stand-ins for operators that packages have dropped: the package that has the hook they use.
NEEDS: dict[str, str] = {
    "bide.standard.operators.dropped_sql.MsSqlOperator": "microsoft-mssql",
    "bide.standard.operators.dropped_sql.MySqlOperator": "mysql",
    "bide.standard.operators.dropped_sql.PostgresOperator": "postgres",
    "bide.standard.operators.dropped_sql.RedshiftSQLOperator": "amazon",
    "bide.standard.operators.dropped_sql.SnowflakeOperator": "snowflake",
    "bide.standard.operators.dropped_sql.SqliteOperator": "sqlite",
}
