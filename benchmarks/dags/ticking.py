"""Five DAGs with a run of one task each second; none is passed over."""

from datetime import UTC, datetime, timedelta

from bench_tasks import noop

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG

for number in range(5):
    with DAG(f"ticking_{number}", schedule=timedelta(seconds=1), start_date=datetime.now(UTC), catchup=True):
        PythonOperator(task_id="tick", python_callable=noop)
