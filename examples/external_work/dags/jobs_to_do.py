"""What the DAG files of this folder share: where the service is, and which jobs a run wants of it."""

from __future__ import annotations

import os

from bide import task

SERVICE = os.environ.get("JOB_SERVICE", "http://127.0.0.1:9001")
BROKERS = os.environ.get("JOB_BROKERS", "127.0.0.1:9092")
#: Where examples/external_work/relay.py listens.
RELAY = os.environ.get("JOB_RELAY", "http://127.0.0.1:9002")
#: Of each DAG: the jobs of a run are NAME-DAG-0, NAME-DAG-1, ... Jobs whose name begins with "bad" fail.
PARAMS = {"name": "report", "jobs": 1}


@task
def job_ids(params, dag):
    """The ids of the jobs of this run."""
    return [f"{params['name']}-{dag.dag_id}-{number}" for number in range(params["jobs"])]
