"""What a course on Airflow teaches, beside for_airflow.py, with its imports and arguments as they are."""

# ruff: noqa: PTH118, PTH120, PTH123

import asyncio
import logging
import os
import sys
from datetime import datetime, time, timedelta

import requests
import yaml

from airflow import DAG, Dataset
from airflow.exceptions import TaskDeferred
from airflow.hooks.base import BaseHook
from airflow.models import BaseOperator, Variable
from airflow.operators.bash import BashOperator
from airflow.operators.python import ExternalPythonOperator, PythonOperator
from airflow.sensors.external_task import ExternalTaskSensor
from airflow.sensors.time_sensor import TimeSensorAsync
from airflow.triggers.base import BaseTrigger, TriggerEvent
from airflow.utils.decorators import apply_defaults

config_path = os.path.join(os.path.dirname(__file__), "pipelines.yaml")
with open(config_path) as f:
    pipelines = yaml.safe_load(f)["pipelines"]
for pipeline in pipelines:
    with DAG(
        dag_id=pipeline["name"],
        schedule_interval=pipeline["schedule"],
        start_date=datetime(2024, 1, 1),
        catchup=False,
    ) as dag:
        BashOperator(task_id="job", bash_command=f"echo {pipeline['script']}")
    globals()[pipeline["name"]] = dag

orders_dataset = Dataset("s3://my-lake/silver/orders/")


def write_orders():
    print("written")


with DAG("producer_dag", schedule_interval="@daily", start_date=datetime(2024, 1, 1), catchup=False) as dag:
    PythonOperator(task_id="write_orders", python_callable=write_orders, outlets=[orders_dataset])

with DAG("consumer_dag", schedule=[orders_dataset]) as dag:
    PythonOperator(task_id="process_orders", python_callable=write_orders)

historical = DAG(
    dag_id="historical_reprocess",
    start_date=datetime(2024, 1, 1),
    schedule_interval="@daily",
    catchup=True,
    max_active_runs=3,
)

s3_bucket = Variable.get("s3_bucket", default_var="default-bucket")
conn = BaseHook.get_connection("postgres_default")
db_host = conn.host
log = logging.getLogger(__name__)


def alert_on_failure(context):
    logging.error(f"Task failed: {context['task_instance'].task_id}")
    print("alert:", context["dag"].dag_id, context["execution_date"].date())


def process_data(date: str, env: str):
    return f"{date} {env} {s3_bucket} {db_host}"


def run_elsewhere():
    import sys

    return sys.executable


def logs_and_raises(**context):
    log.info(f"Starting ETL for date={context['ds']}")
    try:
        return 1 / 0
    except Exception as e:
        log.error(f"ETL failed: {e!s}", exc_info=True)
        raise


def read_conf(**context):
    return context["dag_run"].conf.get("run_date")


class MyJobCompletionTrigger(BaseTrigger):
    def __init__(self, job_id: str):
        super().__init__()
        self.job_id = job_id

    def serialize(self):
        return ("course.MyJobCompletionTrigger", {"job_id": self.job_id})

    async def _check_job_async(self, job_id):
        return "success"

    async def run(self):
        while True:
            status = await self._check_job_async(self.job_id)
            if status in ("success", "failed"):
                yield TriggerEvent({"status": status, "output_path": f"s3://{self.job_id}"})
                return
            await asyncio.sleep(10)


class MyDeferrableOperator(BaseOperator):
    def execute(self, context):
        raise TaskDeferred(trigger=MyJobCompletionTrigger(job_id="job-1"), method_name="execute_complete")

    def execute_complete(self, context, event):
        if event["status"] == "failed":
            raise Exception(f"Job failed: {event['error']}")
        return event["output_path"]


class PollingOperator(BaseOperator):
    @apply_defaults
    def __init__(self, url, poll_interval=1, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.url = url
        self.poll_interval = poll_interval

    def execute(self, context):
        try:
            requests.get(self.url, timeout=self.poll_interval)
        except requests.ConnectionError:
            return "nobody there"


with DAG(
    "course",
    default_args={
        "retries": 1,
        "retry_delay": timedelta(milliseconds=20),
        "retry_exponential_backoff": True,
        "on_failure_callback": alert_on_failure,
        "email_on_failure": False,
    },
    start_date=datetime(2024, 1, 1),
    schedule_interval=None,
) as dag:
    PythonOperator(
        task_id="process",
        python_callable=process_data,
        op_kwargs={"date": "{{ ds }}", "env": "prod"},
        sla=timedelta(hours=2),
    )
    ExternalPythonOperator(task_id="run_in_venv", python=sys.executable, python_callable=run_elsewhere)
    BashOperator(task_id="run_bash", bash_command="echo {{ ds }} $JAVA_HOME", env={"JAVA_HOME": "/usr/lib/jvm"})
    BashOperator(task_id="run_script", bash_command=f"{os.path.dirname(__file__)}/run_etl.sh {{{{ ds }}}} prod")
    PythonOperator(task_id="read_conf", python_callable=read_conf, provide_context=True)
    PythonOperator(task_id="raises", python_callable=logs_and_raises)
    TimeSensorAsync(task_id="midnight", target_time=time(0, 0, 0))
    PollingOperator(task_id="polls", url="http://127.0.0.1:1/")
    MyDeferrableOperator(task_id="final_load")
    for name, options in {"reschedules": {"mode": "reschedule"}, "defers": {"deferrable": True}}.items():
        ExternalTaskSensor(
            task_id=name,
            external_dag_id="course",
            external_task_id="final_load",
            execution_delta=timedelta(hours=0),
            timeout=3600,
            poke_interval=0.05,
            **options,
        )
