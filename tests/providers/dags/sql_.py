"""Statements and looks at databases, as people write them for Airflow."""

from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from airflow.providers.common.sql.operators.sql import (
    BranchSQLOperator,
    SQLCheckOperator,
    SQLColumnCheckOperator,
    SQLExecuteQueryOperator,
    SQLTableCheckOperator,
    SQLValueCheckOperator,
)
from airflow.sensors.sql import SqlSensor

from airflow import DAG
from airflow.operators.python import PythonOperator

HERE = Path(__file__).parent
CREATE = "CREATE TABLE IF NOT EXISTS orders (order_date TEXT, amount INTEGER)"


def add_row(conn_id):
    from airflow.hooks.base import BaseHook

    hook = BaseHook.get_hook(conn_id)
    hook.run("INSERT INTO orders VALUES ('late', 7)")
    return hook.get_records("SELECT amount FROM orders WHERE order_date = 'late'")


def is_there(kind, count):
    """Not at the first look, so that there is always another one."""
    looked = HERE / f"looked-{kind}"
    if not looked.exists():
        looked.touch()
        return False
    return count > 0


ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT MAX(x) FROM n"
KINDS = (("sqlite", ":amount", ENDLESS), ("postgres", "%(amount)s", "SELECT pg_sleep(60)"))

for kind, parameter, forever in KINDS:
    with DAG(f"sql_{kind}", start_date=datetime(2024, 1, 1), schedule=None, catchup=False) as dag:
        conn_id = f"{kind}_default"
        create = SQLExecuteQueryOperator(task_id="create", conn_id=conn_id, sql=CREATE)
        insert = SQLExecuteQueryOperator(
            task_id="insert",
            conn_id=conn_id,
            sql=[
                "INSERT INTO orders VALUES ('{{ ds }}', 1)",
                f"INSERT INTO orders VALUES ('{{{{ ds }}}}', {parameter})",
            ],
            parameters={"amount": 41},
        )
        from_file = SQLExecuteQueryOperator(
            task_id="from_file", conn_id=conn_id, sql="daily_summary.sql", split_statements=True, return_last=True
        )
        fails = SQLExecuteQueryOperator(task_id="fails", conn_id=conn_id, sql="SELECT * FROM nowhere")
        too_long = SQLExecuteQueryOperator(
            task_id="too_long", conn_id=conn_id, sql=forever, execution_timeout=timedelta(seconds=4)
        )
        wrong_sensor = SqlSensor(task_id="wrong_sensor", conn_id=conn_id, sql="SELECT * FROM nowhere")
        never_arrives = SqlSensor(
            task_id="never_arrives",
            conn_id=conn_id,
            sql="SELECT COUNT(*) FROM orders WHERE order_date = 'never'",
            poke_interval=0.2,
            timeout=1,
        )
        check = SQLCheckOperator(
            task_id="check", conn_id=conn_id, sql="SELECT COUNT(*) FROM orders WHERE order_date = '{{ ds }}'"
        )
        value = SQLValueCheckOperator(
            task_id="value",
            conn_id=conn_id,
            sql="SELECT SUM(amount) FROM orders WHERE order_date = '{{ ds }}'",
            pass_value=42,
        )
        wrong_value = SQLValueCheckOperator(
            task_id="wrong_value",
            conn_id=conn_id,
            sql="SELECT SUM(amount) FROM orders WHERE order_date = '{{ ds }}'",
            pass_value=43,
        )
        columns = SQLColumnCheckOperator(
            task_id="columns",
            conn_id=conn_id,
            table="orders",
            column_mapping={"amount": {"min": {"geq_to": 1}, "null_check": {"equal_to": 0}}},
        )
        table = SQLTableCheckOperator(
            task_id="table",
            conn_id=conn_id,
            table="orders",
            checks={"rows": {"check_statement": "COUNT(*) >= 2"}},
        )
        branch = BranchSQLOperator(
            task_id="branch",
            conn_id=conn_id,
            sql="SELECT 1",
            follow_task_ids_if_true="late",
            follow_task_ids_if_false="never",
        )
        late = PythonOperator(task_id="late", python_callable=add_row, op_kwargs={"conn_id": conn_id})
        never = PythonOperator(task_id="never", python_callable=add_row, op_kwargs={"conn_id": conn_id})
        arrived = SqlSensor(
            task_id="arrived",
            conn_id=conn_id,
            sql="SELECT COUNT(*) FROM orders WHERE order_date = 'late'",
            success=partial(is_there, kind),
            poke_interval=0.2,
            timeout=60,
            mode="reschedule",
        )
        create >> insert >> [check, value, wrong_value, columns, table] >> from_file
        from_file.trigger_rule = "all_done"
        create >> [arrived, fails, too_long, wrong_sensor, never_arrives]
        from_file >> branch >> [late, never]
