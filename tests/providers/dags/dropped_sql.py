"""Operators that their packages have dropped, as people wrote them for Airflow 2."""

from datetime import datetime

from airflow.providers.postgres.operators.postgres import PostgresOperator
from airflow.providers.sqlite.operators.sqlite import SqliteOperator

from airflow import DAG

with DAG("dropped_sql", start_date=datetime(2024, 1, 1), schedule_interval=None, catchup=False) as dag:
    SqliteOperator(task_id="sqlite", sqlite_conn_id="sqlite_default", sql="SELECT '{{ ds }}'")
    PostgresOperator(
        task_id="postgres",
        postgres_conn_id="postgres_default",
        sql="SHOW statement_timeout",
        runtime_parameters={"statement_timeout": "3000ms"},
    )
