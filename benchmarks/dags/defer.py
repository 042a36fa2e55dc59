"""Tasks that defer to a trigger which fires at once: one, 50 and 1,000 of them in a run."""

from bench_tasks import DeferOnce

from airflow.sdk import DAG

for count in (1, 50, 1000):
    with DAG(f"defer_{count}", schedule=None, max_active_tasks=1000):
        for number in range(count):
            DeferOnce(task_id=f"defer_{number:04}")
