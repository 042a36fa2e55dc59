"""Jobs in another service, looked at by Bide once a second."""

from jobs_to_do import PARAMS, SERVICE, job_ids

from bide import DAG, HttpJobOperator

with DAG("polling_steady", params=PARAMS):
    HttpJobOperator.partial(task_id="job", state_field="status", poll_interval=1).expand(
        endpoint=job_ids().map(lambda job_id: f"{SERVICE}/jobs/{job_id}")
    )
