"""Five thousand tasks that do nothing and depend on nothing."""

from bench_tasks import noop

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG

with DAG("noop_5000", schedule=None, max_active_tasks=1000, max_active_runs=100):
    for number in range(5000):
        PythonOperator(task_id=f"noop_{number:04}", python_callable=noop)
