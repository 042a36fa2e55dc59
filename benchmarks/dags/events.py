"""Assets: a task that makes an event, and DAGs that run by events of three assets."""

from __future__ import annotations

import time

from bench_tasks import mark, noop

from bide import DAG, Asset, PythonOperator

CONSUMERS = 10


def make():
    """What is measured begins with the last line of the task that makes the event."""
    mark("made", at=time.time())


def take():
    """And ends with the first line of the task that runs by it."""
    mark("taken", at=time.time())


single = Asset("single")
with DAG("produce"):
    PythonOperator(task_id="make", python_callable=make, outlets=[single])
with DAG("consume", schedule=single):
    PythonOperator(task_id="take", python_callable=take)

for policy in ("each", "batch"):
    for number in range(CONSUMERS):
        with DAG(f"{policy}_{number}", schedule=Asset(policy), asset_policy=policy):
            PythonOperator(task_id="noop", python_callable=noop)
