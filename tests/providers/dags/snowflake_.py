"""Statements on Snowflake, as people write them for Airflow."""

from datetime import datetime, timedelta

from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.providers.snowflake.operators.snowflake import SnowflakeOperator, SnowflakeSqlApiOperator
from airflow.sensors.sql import SqlSensor

from airflow import DAG


def forever(task_id, deferrable, **settings):
    """A statement that goes on until it is cancelled."""
    return SnowflakeSqlApiOperator(
        task_id=task_id,
        sql=f"SELECT 'forever {task_id}'",
        poll_interval=1,
        deferrable=deferrable,
        **settings,
    )


with DAG("snowflake_", start_date=datetime(2024, 1, 1), schedule=None, catchup=False) as dag:
    create = SQLExecuteQueryOperator(
        task_id="create",
        conn_id="snowflake_default",
        sql="CREATE DATABASE IF NOT EXISTS prod_db; CREATE SCHEMA IF NOT EXISTS prod_db.gold;"
        "CREATE OR REPLACE TABLE prod_db.gold.orders (day TEXT, amount INTEGER)",
        split_statements=True,
    )
    insert = SnowflakeOperator(
        task_id="insert",
        snowflake_conn_id="snowflake_default",
        sql="INSERT INTO orders VALUES ('{{ ds }}', 41), ('{{ ds }}', 1)",
        warehouse="COMPUTE_WH",
        database="PROD_DB",
        schema="GOLD",
    )
    arrived = SqlSensor(
        task_id="arrived",
        conn_id="snowflake_default",
        sql="SELECT COUNT(*) FROM prod_db.gold.orders WHERE day = '{{ ds }}'",
        poke_interval=0.2,
        mode="reschedule",
    )
    total = SQLExecuteQueryOperator(
        task_id="total",
        conn_id="snowflake_default",
        sql="SELECT SUM(amount) FROM prod_db.gold.orders WHERE day LIKE '{{ ds }}%'",
    )
    create >> insert >> arrived
    for mode, deferrable in (("blocking", False), ("deferrable", True)):
        api = SnowflakeSqlApiOperator(
            task_id=f"api_{mode}",
            snowflake_conn_id="snowflake_default",
            sql=f"INSERT INTO orders VALUES ('{{{{ ds }}}} {mode}', 10); SELECT COUNT(*) FROM orders",
            statement_count=2,
            database="PROD_DB",
            schema="GOLD",
            poll_interval=1,
            deferrable=deferrable,
        )
        wrong = SnowflakeSqlApiOperator(
            task_id=f"wrong_{mode}",
            sql="SELECT * FROM nowhere",
            database="PROD_DB",
            schema="GOLD",
            poll_interval=1,
            deferrable=deferrable,
        )
        too_long = forever(f"too_long_{mode}", deferrable, execution_timeout=timedelta(seconds=5))
        arrived >> [api, wrong, too_long]
        api >> total

with DAG("snowflake_cancelled", start_date=datetime(2024, 1, 1), schedule=None, catchup=False):
    for mode, deferrable in (("blocking", False), ("deferrable", True)):
        forever(f"cancelled_{mode}", deferrable)
