"""Runs the trigger of the package airbyte as a program does: prints each event of the jobs that are named."""

from __future__ import annotations

import asyncio
import json
import sys
import time

from airflow.providers.airbyte.hooks.airbyte import AirbyteHook
from airflow.providers.airbyte.triggers.airbyte import AirbyteSyncTrigger


async def main() -> None:
    for number, conn_id, seconds in json.loads(sys.argv[1]):
        trigger = AirbyteSyncTrigger(
            job_id=number, conn_id=conn_id, end_time=time.time() + seconds, poll_interval=0.05
        )
        path, arguments = trigger.serialize()
        assert path == "airflow.providers.airbyte.triggers.airbyte.AirbyteSyncTrigger"
        assert AirbyteSyncTrigger(**arguments).serialize() == (path, arguments)
        print(json.dumps([event.payload async for event in trigger.run()]))
    number, conn_id, seconds = json.loads(sys.argv[1])[0]
    hook = AirbyteHook(conn_id)
    trigger = AirbyteSyncTrigger(job_id=number, conn_id=conn_id, end_time=0, poll_interval=0)
    for state in ("running", "pending", "incomplete", "succeeded", "failed", "cancelled"):
        hook.get_job_status = lambda job_id, state=state: state
        hook.get_job_details = lambda job_id: None
        print(json.dumps([state, await trigger.is_still_running(hook)]))


asyncio.run(main())
