"""Work in another service, which calls when it is done: as for Airflow, and in Bide's own way."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import requests
from jobs_to_do import PARAMS, RELAY, SERVICE, job_ids

from airflow.models import BaseOperator
from airflow.sensors.python import PythonSensor
from airflow.utils.decorators import apply_defaults
from bide import DAG, HttpJobOperator, task


class ExternalWebhookOperator(BaseOperator):
    """Starts a job and says where to call when it has ended. It does not wait for that."""

    @apply_defaults
    def __init__(self, external_service_url, job_id, airflow_callback_url, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.external_service_url = external_service_url
        self.job_id = job_id
        self.airflow_callback_url = airflow_callback_url

    def execute(self, context):
        order = {"callback_url": self.airflow_callback_url, "job_id": self.job_id}
        response = requests.post(f"{self.external_service_url}/jobs/{self.job_id}", json=order)
        if response.status_code != 200:
            raise Exception(f"job {self.job_id} could not be started: the service answers {response.status_code}")
        self.log.info("job %s is to call %s", self.job_id, self.airflow_callback_url)


# The operator has ended long before the job has. So another task stands for the job: it never ends by itself, and
# the relay, a server beside Bide, sets its state over the REST API.
with DAG("callback_as_in_airflow", params=PARAMS):

    @task
    def orders(jobs, dag, run_id):
        place = f"{RELAY}/{dag.dag_id}/{quote(run_id, safe='')}/job"
        return [{"job_id": job, "airflow_callback_url": f"{place}/{number}"} for number, job in enumerate(jobs)]

    jobs = job_ids()
    start = ExternalWebhookOperator.partial(task_id="start", external_service_url=SERVICE).expand_kwargs(
        orders(jobs)
    )
    job = PythonSensor.partial(
        task_id="job", python_callable=bool, mode="reschedule", poke_interval=3600, timeout=86400
    ).expand(op_args=jobs.map(lambda _: [False]))
    start >> job


# In Bide: the task has a URL of its own and waits for its call. Nobody looks.
with DAG("callback", params=PARAMS):
    HttpJobOperator.partial(
        task_id="job",
        payload={"callback_url": "{{ callback_url() }}"},
        state_field="status",
        callback=True,
        poll_interval=None,
        timeout=timedelta(days=1),
    ).expand(endpoint=job_ids().map(lambda job_id: f"{SERVICE}/jobs/{job_id}"))
