"""Work that is asked for, and answered, in topics of Kafka: as for Airflow, and in Bide's own way."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

from answers import Answer
from jobs_to_do import BROKERS, PARAMS, job_ids
from kafka import KafkaConsumer, KafkaProducer

from airflow.models import BaseOperator
from airflow.utils.decorators import apply_defaults
from bide import DAG, TaskError, step, task, wait


class ExternalKafkaOperator(BaseOperator):
    """Asks for a job and reads answers until its own comes. Its clients connect when it is made."""

    @apply_defaults
    def __init__(self, bootstrap_servers, request_topic, response_topic, job_id, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.request_topic = request_topic
        self.response_topic = response_topic
        self.job_id = job_id
        self.producer = KafkaProducer(
            bootstrap_servers=bootstrap_servers, value_serializer=lambda value: json.dumps(value).encode()
        )
        self.consumer = KafkaConsumer(
            response_topic,
            bootstrap_servers=bootstrap_servers,
            value_deserializer=json.loads,
            auto_offset_reset="earliest",
        )

    def execute(self, context):
        self.producer.send(self.request_topic, value={"job_id": self.job_id, "status": "started"})
        self.producer.flush()
        limit = time.time() + 300
        while True:
            for message in self.consumer:
                if message.value.get("job_id") == self.job_id:
                    if message.value.get("status") == "completed":
                        return
                    if message.value.get("status") == "failed":
                        raise Exception(f"job {self.job_id} has failed")
            if time.time() > limit:
                raise Exception(f"no answer to job {self.job_id} within 300 s")
            time.sleep(10)


# Mapped, so that its clients are made where it runs. One made by ExternalKafkaOperator(...) would connect whenever
# the file is read, and the file could not be read without a broker.
with DAG("queue_as_in_airflow", params=PARAMS):
    ExternalKafkaOperator.partial(
        task_id="job", bootstrap_servers=BROKERS, request_topic="requests", response_topic="responses"
    ).expand(job_id=job_ids())


def send(job_id):
    """Ask for a job; the moment from which on answers count."""
    began = datetime.now(UTC)
    producer = KafkaProducer(bootstrap_servers=BROKERS)
    producer.send("requests", json.dumps({"job_id": job_id, "status": "started"}).encode())
    producer.close()
    return began


# In Bide: the task waits, and one consumer reads the answers to all.
with DAG("queue", params=PARAMS):

    @task
    def job(job_id):
        answer = wait(Answer(BROKERS, "responses", job_id, since=step(send, job_id)), timeout=300)
        if answer["status"] != "completed":
            raise TaskError(f"job {job_id} has {answer['status']}")

    job.expand(job_id=job_ids())
