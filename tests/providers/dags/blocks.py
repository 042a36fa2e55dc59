"""A trigger whose requests block, beside one whose requests don't."""

from datetime import datetime

from airflow.providers.airbyte.sensors.airbyte import AirbyteJobSensor
from airflow.providers.http.sensors.http import HttpSensor

from airflow import DAG

with DAG("blocks", start_date=datetime(2024, 1, 1), schedule=None, catchup=False) as dag:
    HttpSensor(
        task_id="other",
        http_conn_id="other_api",
        endpoint="/ready",
        poke_interval=0.2,
        timeout=300,
        deferrable=True,
    )
    AirbyteJobSensor(task_id="slow", airbyte_job_id=101, deferrable=True)
