"""A thousand tasks that wait for the same thing."""

from bench_equal import WaitTogether

from bide import DAG

with DAG("equal", schedule=None, max_active_tasks=100_000, max_active_runs=2000):
    for number in range(1000):
        WaitTogether(task_id=f"wait_{number:04}")
