"""Tasks that do nothing and depend on nothing: a hundred of them, and ten thousand."""

from bench_tasks import noop

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG

for count in (100, 10_000):
    with DAG(f"plain_{count}", schedule=None, max_active_tasks=1000):
        for number in range(count):
            PythonOperator(task_id=f"noop_{number:05}", python_callable=noop)
