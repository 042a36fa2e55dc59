"""Async tasks that sleep for a second: the least that a wait inside of a coroutine is."""

import asyncio

from airflow.sdk import DAG, task

COUNT = 300

with DAG("napping", schedule=None, max_active_tasks=1000):

    @task
    async def nap(number):
        await asyncio.sleep(1)

    nap.expand(number=list(range(COUNT)))
