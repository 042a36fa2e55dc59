"""Async tasks, of which many share a process."""

import asyncio
import os
from datetime import timedelta

from bide import DAG, TimeDeltaTrigger, step, task, wait

COUNT = 60
met = asyncio.Barrier(COUNT)


def call_back(context):
    print("called back for", context["ti"].task_id)


with DAG("async_tasks", schedule=None, max_active_tasks=1000):

    @task
    async def meet(number):
        await met.wait()
        return os.getpid()

    @task(retries=1, retry_delay=timedelta(0), on_success_callback=call_back)
    async def twice(ti=None):
        await asyncio.sleep(0)
        if ti.try_number == 1:
            raise ValueError("not yet")
        return ti.try_number

    @task
    async def waits():
        number = await step("one", lambda: 1)
        await wait(TimeDeltaTrigger(timedelta(seconds=0.1)))
        return f"waited in step {number}"

    meet.expand(number=list(range(COUNT)))
    twice()
    waits()
