"""Assets: a task that makes an event, and DAGs that run by events of three assets."""

from __future__ import annotations

import time

from bench_tasks import mark, noop, noop_with

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

for policy, most in (("each", 16), ("batch", 1)):
    for events in (100, 1_000):
        with DAG(f"make_{policy}_{events}", max_active_tasks=1_000):
            PythonOperator.partial(task_id="make", python_callable=noop_with, outlets=[Asset(policy)]).expand(
                op_args=[[number] for number in range(events)]
            )
    for number in range(CONSUMERS):
        with DAG(f"{policy}_{number}", schedule=Asset(policy), asset_policy=policy, max_active_runs=most):
            PythonOperator(task_id="noop", python_callable=noop)
