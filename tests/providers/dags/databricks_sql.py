"""Statements on a warehouse of Databricks, as people write them for Airflow."""

from datetime import datetime, timedelta

from airflow.providers.databricks.operators.databricks_sql import DatabricksSqlOperator
from airflow.providers.databricks.sensors.databricks_sql import DatabricksSqlSensor

from airflow import DAG

with DAG("databricks_sql", start_date=datetime(2024, 1, 1), schedule=None, catchup=False) as dag:
    load = DatabricksSqlOperator(
        task_id="load",
        databricks_conn_id="databricks_default",
        sql=[
            "CREATE TABLE IF NOT EXISTS orders (day TEXT, amount INTEGER)",
            "INSERT INTO orders VALUES ('{{ ds }}', 41), ('{{ ds }}', 1)",
        ],
    )
    arrived = DatabricksSqlSensor(
        task_id="arrived",
        http_path="/sql/1.0/warehouses/abc",
        sql="SELECT 1 FROM orders WHERE day = '{{ ds }}'",
        poke_interval=0.2,
        timeout=60,
        mode="reschedule",
    )
    total = DatabricksSqlOperator(
        task_id="total", sql="SELECT day, SUM(amount) AS total FROM orders WHERE day = '{{ ds }}' GROUP BY day"
    )
    export = DatabricksSqlOperator(
        task_id="export",
        sql="SELECT amount FROM orders WHERE day = '{{ ds }}' ORDER BY amount",
        output_path="{{ var.value.output }}/{{ ds }}.csv",
        output_format="csv",
    )
    wrong = DatabricksSqlOperator(task_id="wrong", sql="SELECT * FROM nowhere")
    empty = DatabricksSqlSensor(
        task_id="empty",
        http_path="/sql/1.0/warehouses/abc",
        sql="SELECT 1 FROM orders WHERE day = 'never'",
        poke_interval=0.2,
        timeout=2,
    )
    too_long = DatabricksSqlOperator(
        task_id="too_long", sql="SELECT 'forever'", execution_timeout=timedelta(seconds=5)
    )
    load >> arrived >> [total, export]
    load >> [wrong, empty, too_long]
