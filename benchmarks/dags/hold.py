"""A thousand tasks that wait: for one moment, or for one file. Their triggers end them without a worker."""

from bench_tasks import WaitForFlag, WaitUntil

from airflow.sdk import DAG

for kind, operator in (("timers", WaitUntil), ("polls", WaitForFlag)):
    with DAG(f"hold_{kind}", schedule=None, max_active_tasks=100_000, max_active_runs=100):
        for number in range(1000):
            operator(task_id=f"wait_{number:04}")
