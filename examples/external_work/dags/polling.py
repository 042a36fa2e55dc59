"""Work in another service, waited for by asking again and again: as for Airflow, and in Bide's own way."""

from __future__ import annotations

import time

import requests
from jobs_to_do import PARAMS, SERVICE, job_ids

from airflow.models import BaseOperator
from airflow.utils.decorators import apply_defaults
from bide import DAG, HttpJobOperator


class ExternalServiceOperator(BaseOperator):
    """Starts a job and asks for it until it has ended. All the while it holds a worker."""

    @apply_defaults
    def __init__(self, external_service_url, job_id, poll_interval=60, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.external_service_url = external_service_url
        self.job_id = job_id
        self.poll_interval = poll_interval

    def execute(self, context):
        job_url = f"{self.external_service_url}/jobs/{self.job_id}"
        response = requests.post(job_url)
        if response.status_code != 200:
            raise Exception(f"job {self.job_id} could not be started: the service answers {response.status_code}")
        while True:
            response = requests.get(job_url)
            response.raise_for_status()
            status = response.json().get("status")
            self.log.info("job %s is %s", self.job_id, status)
            if status == "completed":
                return
            if status == "failed":
                raise Exception(f"job {self.job_id} has failed")
            time.sleep(self.poll_interval)


with DAG("polling_as_in_airflow", params=PARAMS):
    ExternalServiceOperator.partial(task_id="job", external_service_url=SERVICE, poll_interval=1).expand(
        job_id=job_ids()
    )


# In Bide: the first look comes at once, the next after 1 s, 1.5 s, 2.25 s, ..., at last every 5 minutes.
with DAG("polling", params=PARAMS):
    HttpJobOperator.partial(
        task_id="job", state_field="status", poll_interval=1, poll_backoff=1.5, max_poll_interval=300
    ).expand(endpoint=job_ids().map(lambda job_id: f"{SERVICE}/jobs/{job_id}"))
