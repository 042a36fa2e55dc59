"""Twenty tasks, one after the other."""

from bench_tasks import noop_marked

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, chain

with DAG("chain", schedule=None):
    chain(*[PythonOperator(task_id=f"link_{number:02}", python_callable=noop_marked) for number in range(20)])
