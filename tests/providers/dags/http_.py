"""Requests and waits over HTTP, as people write them for Airflow."""

import json
from datetime import datetime, timedelta

from airflow.providers.http.operators.http import HttpOperator
from airflow.providers.http.sensors.http import HttpSensor

from airflow import DAG

with DAG("http_", start_date=datetime(2024, 1, 1), schedule=None, catchup=False) as dag:
    for mode, deferrable in (("blocking", False), ("deferrable", True)):
        HttpOperator(
            task_id=f"get_{mode}",
            http_conn_id="my_api",
            endpoint="/numbers",
            method="GET",
            data={"day": "{{ ds }}"},
            headers={"X-Run": "{{ run_id }}", "Authorization": "Bearer a-token-for-{{ ds }}"},
            response_filter=lambda response: response.json(),
            deferrable=deferrable,
        )
        HttpOperator(
            task_id=f"post_{mode}",
            http_conn_id="my_api",
            endpoint="/training/start",
            method="POST",
            data=json.dumps({"run_date": "{{ ds }}", "model": "orders_forecast"}),
            headers={"Content-Type": "application/json"},
            response_check=lambda response: response.json()["status"] == "started",
            deferrable=deferrable,
        )
        HttpOperator(
            task_id=f"refused_{mode}",
            http_conn_id="my_api",
            endpoint="/training/refused",
            method="POST",
            response_check=lambda response: response.json()["status"] == "started",
            deferrable=deferrable,
        )
        HttpOperator(
            task_id=f"missing_{mode}",
            http_conn_id="my_api",
            endpoint="/nothing/here",
            method="GET",
            deferrable=deferrable,
        )
        HttpSensor(
            task_id=f"ready_{mode}",
            http_conn_id="my_api",
            endpoint=f"/health/{mode}",
            poke_interval=0.2,
            timeout=30,
            deferrable=deferrable,
        )
    HttpSensor(
        task_id="ready_reschedule",
        http_conn_id="my_api",
        endpoint="/state/reschedule",
        response_check=lambda response, ds: response.json()["status"] == "ok" and ds is not None,
        poke_interval=0.2,
        timeout=30,
        mode="reschedule",
    )

with DAG("http_late", start_date=datetime(2024, 1, 1), schedule=None, catchup=False):
    for mode, deferrable in (("blocking", False), ("deferrable", True)):
        HttpSensor(
            task_id=f"late_{mode}",
            http_conn_id="my_api",
            endpoint="/nothing/here",
            poke_interval=0.2,
            timeout=2,
            deferrable=deferrable,
        )
        HttpOperator(
            task_id=f"slow_{mode}",
            http_conn_id="my_api",
            endpoint="/slow",
            method="GET",
            execution_timeout=timedelta(seconds=4),
            deferrable=deferrable,
        )
