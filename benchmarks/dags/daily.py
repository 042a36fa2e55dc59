"""Five tasks a day that do nothing: two in the middle, side by side."""

from datetime import datetime

from bench_tasks import noop

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG

with DAG("daily", schedule="@daily", start_date=datetime(2010, 1, 1), catchup=False):
    first, left, right, joined, last = (
        PythonOperator(task_id=name, python_callable=noop) for name in ("first", "left", "right", "joined", "last")
    )
    first >> [left, right] >> joined >> last
