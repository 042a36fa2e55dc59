"""One task that does nothing."""

from bench_tasks import noop

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG

with DAG("hello", schedule=None):
    PythonOperator(task_id="hello", python_callable=noop)
