"""Tasks whose wait is over at once: a timer, a poll or a stream; one and 50 of them in a run."""

from bench_tasks import DeferByKind

from airflow.sdk import DAG

for kind in ("timer", "poll", "stream"):
    for count in (1, 50):
        with DAG(f"{kind}_{count}", schedule=None, max_active_tasks=1000):
            for number in range(count):
                DeferByKind(task_id=f"defer_{number:04}", kind=kind)
