"""Syncs and waits for them, as people write them for Airflow."""

import time
from datetime import datetime, timedelta

from airflow.providers.airbyte.operators.airbyte import AirbyteTriggerSyncOperator
from airflow.providers.airbyte.sensors.airbyte import AirbyteJobSensor
from airflow.providers.airbyte.triggers.airbyte import AirbyteSyncTrigger
from airflow.providers.airbyte.version_compat import BaseOperator

from airflow import DAG

ENDS = {"success": "succeeded", "failure": "failed", "cancel": "cancelled"}


class CustomAirbyteOperator(BaseOperator):
    """Waits for a job with a trigger of the package, each moment anew."""

    template_fields = ("job_id",)

    def __init__(self, *, job_id, seconds=7200, **kwargs):
        super().__init__(**kwargs)
        self.job_id = job_id
        self.seconds = seconds

    def execute(self, context):
        self.defer(
            timeout=self.execution_timeout,
            trigger=AirbyteSyncTrigger(
                job_id=int(self.job_id),
                conn_id="airbyte_default",
                end_time=time.time() + self.seconds,
                poll_interval=0.2,
            ),
            method_name="execute_complete",
        )

    def execute_complete(self, context, event=None):
        if event["status"] == "success":
            return event
        raise RuntimeError(f"Job failed: {event['message']}")


with DAG("airbyte_", start_date=datetime(2024, 1, 1), schedule=None, catchup=False) as dag:
    for end, connection in ENDS.items():
        AirbyteTriggerSyncOperator(
            task_id=f"blocking_{end}", connection_id=f"running-running-{connection}", wait_seconds=0.1
        )
        AirbyteTriggerSyncOperator(
            task_id=f"deferrable_{end}", connection_id=f"pending-{connection}", deferrable=True
        )
    submit = AirbyteTriggerSyncOperator(
        task_id="submit", connection_id="pending-running-incomplete-running-running-succeeded", asynchronous=True
    )
    wait_poke = AirbyteJobSensor(
        task_id="wait_poke", airbyte_job_id=submit.output, poke_interval=0.1, mode="reschedule", timeout=60
    )
    wait_deferrable = AirbyteJobSensor(
        task_id="wait_deferrable", airbyte_job_id=submit.output, deferrable=True, timeout=3600
    )
    custom = CustomAirbyteOperator(task_id="custom", job_id=submit.output)
    submit >> custom >> [wait_poke, wait_deferrable]

    submit_long = AirbyteTriggerSyncOperator(task_id="submit_long", connection_id="running", asynchronous=True)
    submit_failing = AirbyteTriggerSyncOperator(
        task_id="submit_failing", connection_id="pending-running-running-failed", asynchronous=True
    )
    late = CustomAirbyteOperator(task_id="late", job_id=submit_long.output, seconds=1)
    timed_out = CustomAirbyteOperator(
        task_id="timed_out", job_id=submit_long.output, execution_timeout=timedelta(seconds=3)
    )
    missing = CustomAirbyteOperator(task_id="missing", job_id=99)
    for mode, deferrable in (("blocking", False), ("deferrable", True)):
        AirbyteTriggerSyncOperator(
            task_id=f"too_long_{mode}",
            connection_id=f"running-{mode}",
            wait_seconds=0.1,
            deferrable=deferrable,
            execution_timeout=timedelta(seconds=6),
        )
        AirbyteJobSensor(
            task_id=f"wait_fails_{mode}",
            airbyte_job_id=submit_failing.output,
            poke_interval=0.1,
            timeout=60,
            deferrable=deferrable,
        )
    # Deferred, a sensor of this package looks at its timeout once a minute.
    AirbyteJobSensor(task_id="wait_late", airbyte_job_id=submit_long.output, poke_interval=0.1, timeout=2)

with DAG("airbyte_cancelled", start_date=datetime(2024, 1, 1), schedule=None, catchup=False):
    for mode, deferrable in (("blocking", False), ("deferrable", True)):
        AirbyteTriggerSyncOperator(
            task_id=mode, connection_id=f"running-cancel{mode}", wait_seconds=0.1, deferrable=deferrable
        )
