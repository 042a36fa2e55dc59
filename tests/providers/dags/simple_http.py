"""An operator that its package has dropped, as people wrote it for Airflow 2."""

import json
from datetime import datetime

from airflow.providers.http.operators.http import SimpleHttpOperator

from airflow import DAG

with DAG("simple_http", start_date=datetime(2024, 1, 1), schedule_interval=None, catchup=False) as dag:
    call_api = SimpleHttpOperator(
        task_id="trigger_ml_training",
        http_conn_id="my_api",
        endpoint="/training/start",
        method="POST",
        data=json.dumps({"run_date": "{{ ds }}", "model": "orders_forecast"}),
        headers={"Content-Type": "application/json"},
        response_check=lambda resp: resp.json()["status"] == "started",
        xcom_push=True,
    )
