"""A run of one task five times a second; none is passed over."""

from datetime import UTC, datetime, timedelta

from bench_tasks import noop

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG

with DAG("ticking", schedule=timedelta(milliseconds=200), start_date=datetime.now(UTC), catchup=True):
    PythonOperator(task_id="tick", python_callable=noop)
