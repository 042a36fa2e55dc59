"""Work on AWS, as people write it for Airflow."""

import json
from datetime import datetime, timedelta

from airflow.providers.amazon.aws.operators.athena import AthenaOperator
from airflow.providers.amazon.aws.operators.emr import (
    EmrAddStepsOperator,
    EmrCreateJobFlowOperator,
    EmrTerminateJobFlowOperator,
)
from airflow.providers.amazon.aws.operators.glue import GlueJobOperator
from airflow.providers.amazon.aws.operators.glue_crawler import GlueCrawlerOperator
from airflow.providers.amazon.aws.operators.lambda_function import LambdaInvokeFunctionOperator
from airflow.providers.amazon.aws.operators.sns import SnsPublishOperator
from airflow.providers.amazon.aws.sensors.emr import EmrJobFlowSensor, EmrStepSensor
from airflow.providers.amazon.aws.sensors.glue_crawler import GlueCrawlerSensor
from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from airflow.providers.amazon.aws.sensors.sqs import SqsSensor
from airflow.providers.amazon.aws.utils.waiter import WaitPolicy

from airflow import DAG

CLUSTER_CONFIG = {
    "Name": "airflow-spark-cluster-{{ ds }}",
    "ReleaseLabel": "emr-6.15.0",
    "Applications": [{"Name": "Spark"}],
    "Instances": {
        "InstanceGroups": [
            {"Name": "Master", "InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1},
            {"Name": "Workers", "InstanceRole": "CORE", "InstanceType": "m5.xlarge", "InstanceCount": 4},
        ],
        "KeepJobFlowAliveWhenNoSteps": True,
        "TerminationProtected": False,
    },
    "JobFlowRole": "EMR_EC2_DefaultRole",
    "ServiceRole": "EMR_DefaultRole",
}
SPARK_STEP = {
    "ActionOnFailure": "CONTINUE",
    "HadoopJarStep": {
        "Jar": "command-runner.jar",
        "Args": ["spark-submit", "s3://my-scripts/orders_etl.py", "--run-date", "{{ ds }}"],
    },
}
SETTINGS = {"start_date": datetime(2024, 1, 1), "schedule": None, "catchup": False}
MODES = {"reschedule": {"mode": "reschedule"}, "deferrable": {"deferrable": True}}


def endless(name, end, **settings):
    """Jobs and queries that fail, or go on until they are stopped."""
    word = "fails" if end == "fails" else "forever"
    GlueJobOperator(
        task_id=f"glue_{end}_{name}",
        job_name=f"{word}-{end}-{name}",
        iam_role_name="glue",
        script_location="s3://my-data-lake/scripts/orders_etl.py",
        region_name="us-east-1",
        job_poll_interval=0.1,
        waiter_delay=1,
        stop_job_run_on_kill=True,
        **settings,
    )
    AthenaOperator(
        task_id=f"athena_{end}_{name}",
        query=f"SELECT {word}_{end}_{name}",
        database="silver",
        output_location="s3://my-data-lake/athena-results/",
        sleep_time=1,
        **settings,
    )


with DAG("aws_storage", **SETTINGS):
    for name, mode in MODES.items():
        S3KeySensor(
            task_id=f"s3_{name}",
            bucket_name="my-data-lake",
            bucket_key=f"late/{name}/date={{{{ ds }}}}/data.parquet",
            aws_conn_id="aws_default",
            poke_interval=0.2,
            timeout=60,
            **mode,
        )
        S3KeySensor(
            task_id=f"wildcard_{name}",
            bucket_key="s3://my-data-lake/raw/date={{ ds }}/part-*.parquet",
            wildcard_match=True,
            poke_interval=0.2,
            timeout=60,
            **mode,
        )
        S3KeySensor(
            task_id=f"never_{name}",
            bucket_name="my-data-lake",
            bucket_key="nothing",
            poke_interval=0.2,
            timeout=1,
            soft_fail=True,
            **mode,
        )
        SqsSensor(
            task_id=f"sqs_{name}",
            sqs_queue=f"{{{{ var.value.queue_url }}}}/late-{name}",
            aws_conn_id="aws_default",
            max_messages=1,
            wait_time_seconds=0,
            poke_interval=0.2,
            timeout=60,
            **mode,
        )

with DAG("aws_catalog", **SETTINGS):
    for name, mode in {"blocking": {}, "deferrable": {"deferrable": True}}.items():
        glue_etl = GlueJobOperator(
            task_id=f"glue_{name}",
            job_name=f"orders-silver-etl-{name}",
            iam_role_name="glue",
            script_location="s3://my-data-lake/scripts/orders_etl.py",
            script_args={"--run_date": "{{ ds }}"},
            region_name="us-east-1",
            job_poll_interval=0.1,
            waiter_delay=1,
            **mode,
        )
        run_crawler = GlueCrawlerOperator(
            task_id=f"crawl_{name}",
            config={
                "Name": f"orders-silver-{name}",
                "Role": "glue",
                "DatabaseName": "silver",
                "Targets": {"S3Targets": [{"Path": "s3://my-data-lake/silver"}]},
            },
            poll_interval=1,
            **mode,
        )
        wait_crawler = GlueCrawlerSensor(
            task_id=f"crawled_{name}",
            crawler_name=f"orders-silver-{name}",
            poke_interval=0.2,
            mode="reschedule",
        )
        athena_query = AthenaOperator(
            task_id=f"athena_{name}",
            query="SELECT date, SUM(amount) FROM silver.orders WHERE date='{{ ds }}' GROUP BY date",
            database="silver",
            output_location="s3://my-data-lake/athena-results/",
            sleep_time=1,
            **mode,
        )
        glue_etl >> run_crawler >> wait_crawler >> athena_query

    for name, mode in {"blocking": {}, "deferrable": {"deferrable": True}}.items():
        endless(name, "fails", **mode)
        GlueCrawlerOperator(
            task_id=f"crawl_fails_{name}",
            config={"Name": f"fails-{name}", "Role": "glue", "DatabaseName": "silver", "Targets": {}},
            poll_interval=1,
            **mode,
        )
        endless(name, "too_long", execution_timeout=timedelta(seconds=8), **mode)

with DAG("aws_cancelled", **SETTINGS):
    for name, mode in {"blocking": {}, "deferrable": {"deferrable": True}}.items():
        endless(name, "cancelled", **mode)

with DAG("aws_emr", **SETTINGS):
    for name, mode in MODES.items():
        deferrable = {"deferrable": True} if name == "deferrable" else {}
        create_cluster = EmrCreateJobFlowOperator(
            task_id=f"create_{name}",
            job_flow_overrides=CLUSTER_CONFIG,
            region_name="us-east-1",
            wait_policy=WaitPolicy.WAIT_FOR_COMPLETION if deferrable else None,
            waiter_delay=1,
            **deferrable,
        )
        cluster = f"{{{{ task_instance.xcom_pull('create_{name}') }}}}"
        wait_cluster = EmrJobFlowSensor(
            task_id=f"cluster_{name}",
            job_flow_id=cluster,
            target_states=["TERMINATED"] if deferrable else ["WAITING"],
            poke_interval=1 if deferrable else 0.2,
            **mode,
        )
        submit_step = EmrAddStepsOperator(
            task_id=f"submit_{name}",
            job_flow_id=cluster,
            steps=[{"Name": "Run Orders ETL", **SPARK_STEP}, {"Name": "fails", **SPARK_STEP}],
        )
        wait_step = EmrStepSensor(
            task_id=f"step_{name}",
            job_flow_id=cluster,
            step_id=f"{{{{ task_instance.xcom_pull('submit_{name}')[0] }}}}",
            poke_interval=0.2,
            **mode,
        )
        wait_failing_step = EmrStepSensor(
            task_id=f"failing_step_{name}",
            job_flow_id=cluster,
            step_id=f"{{{{ task_instance.xcom_pull('submit_{name}')[1] }}}}",
            poke_interval=0.2,
            **mode,
        )
        submit_and_wait = EmrAddStepsOperator(
            task_id=f"submit_and_wait_{name}",
            job_flow_id=cluster,
            steps=[{"Name": "Run it again", **SPARK_STEP}],
            wait_for_completion=True,
            waiter_delay=1,
            **deferrable,
        )
        submit_and_fail = EmrAddStepsOperator(
            task_id=f"submit_and_fail_{name}",
            job_flow_id=cluster,
            steps=[{"Name": "fails", **SPARK_STEP}],
            wait_for_completion=True,
            waiter_delay=1,
            **deferrable,
        )
        terminate_cluster = EmrTerminateJobFlowOperator(
            task_id=f"terminate_{name}",
            job_flow_id=cluster,
            waiter_delay=1,
            trigger_rule="all_done",
            **deferrable,
        )
        create_cluster >> wait_cluster
        (create_cluster if deferrable else wait_cluster) >> submit_step
        submit_step >> [wait_step, wait_failing_step] >> terminate_cluster
        submit_step >> [submit_and_wait, submit_and_fail] >> terminate_cluster

with DAG("aws_messages", **SETTINGS):
    LambdaInvokeFunctionOperator(
        task_id="invoke",
        function_name="pipeline-notifier",
        payload=json.dumps({"pipeline": "orders_etl", "run_date": "{{ ds }}"}),
        invocation_type="RequestResponse",
    )
    LambdaInvokeFunctionOperator(
        task_id="invoke_async", function_name="pipeline-notifier", payload="{}", invocation_type="Event"
    )
    publish = SnsPublishOperator(
        task_id="publish",
        target_arn="{{ var.value.topic_arn }}",
        subject="[AIRFLOW] {{ dag.dag_id }}",
        message="{{ ds }} is done",
    )
    SqsSensor(
        task_id="published",
        sqs_queue="{{ var.value.queue_url }}/published",
        message_filtering="jsonpath",
        message_filtering_config="Message",
        poke_interval=0.2,
        wait_time_seconds=0,
    )
