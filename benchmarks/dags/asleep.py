"""A thousand tasks each that wait for longer than anybody looks: as polls, and as coroutines that sleep."""

from bench_tasks import Sleep, WaitSlowly

from airflow.sdk import DAG

for dag_id, operator in (("slow_polls", WaitSlowly), ("sleepers", Sleep)):
    with DAG(dag_id, schedule=None, max_active_tasks=100_000, max_active_runs=2000):
        for number in range(1000):
            operator(task_id=f"wait_{number:04}")
