"""Waits that are over one after the other, or all at one moment; and work that keeps all workers busy meanwhile."""

from bench_tasks import WaitForTurn, nap

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG

for dag_id, seconds in (("in_turn", 0.1), ("together", 0.0)):
    with DAG(dag_id, schedule=None, max_active_tasks=100_000, max_active_runs=2000):
        for number in range(100 if seconds else 1000):
            WaitForTurn(task_id=f"wait_{number:04}", turn=number * seconds)

with DAG("backlog", schedule=None, max_active_tasks=100_000, max_active_runs=10):
    for number in range(1000):
        PythonOperator(task_id=f"nap_{number:04}", python_callable=nap)
