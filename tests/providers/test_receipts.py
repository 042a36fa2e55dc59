"""Messages of Kafka and SQS that packages' own triggers wait for, when the engine is killed."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.providers.conftest import MakeFolder
from tests.support.commands import Folder
from tests.support.servers import serving

pytestmark = [pytest.mark.providers, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}


@pytest.fixture(scope="module")
def kafka() -> Iterator[str]:
    with serving("tests.support.kafka_server", "orders") as (addresses,):
        yield addresses


@pytest.fixture(scope="module")
def sqs() -> Iterator[Any]:
    import boto3

    with serving("tests.support.aws_server") as (url,):
        yield boto3.client("sqs", endpoint_url=url, **KEYS)


@pytest.fixture(scope="module")
def queue_url(sqs: Any) -> str:
    return sqs.create_queue(QueueName="orders")["QueueUrl"]


@pytest.fixture(scope="module")
def folder(make_folder: MakeFolder, kafka: str, sqs: Any, queue_url: str) -> Folder:
    session = {"session.timeout.ms": 3000, "heartbeat.interval.ms": 500, "auto.commit.interval.ms": 100}
    group = {"bootstrap.servers": kafka, "group.id": "waiter", "auto.offset.reset": "earliest", **session}
    aws = {"region_name": "us-east-1", "endpoint_url": sqs.meta.endpoint_url}
    return make_folder(
        "acknowledged.py",
        "message_functions.py",
        AIRFLOW_CONN_KAFKA_WAITER=json.dumps({"conn_type": "kafka", "extra": group}),
        AIRFLOW_CONN_AWS_DEFAULT=json.dumps(
            {"conn_type": "aws", "login": "testing", "password": "testing", "extra": aws}
        ),
        AIRFLOW_VAR_QUEUE_URL=queue_url,
    )


def killed_and_resumed(folder: Folder, dag_id: str) -> dict[str, Any]:
    """The only task of a run that was killed with its runners when the event was to be stored, and then went on."""
    killed = folder.run("run", dag_id, BIDE_FAULT="event.before:kill-all")
    assert killed.returncode == -signal.SIGKILL, str(killed)
    (run,) = folder.ask("runs", "list", dag_id)
    done = folder.run("run", dag_id, "--resume", run["run_id"], "--output", "json")
    assert done.returncode == 0, str(done)
    (task,) = done.json["tasks"]
    assert " ".join(task["states"]) == "scheduled queued running deferred scheduled queued running success"
    assert task["tries"] == 1
    return task


def test_k18_a_message_of_kafka_is_committed_when_it_is_stored(folder: Folder, kafka: str) -> None:
    from confluent_kafka import Consumer, Producer, TopicPartition

    producer = Producer({"bootstrap.servers": kafka})
    for number in range(3):
        producer.produce("orders", json.dumps({"number": number}), partition=0)
    producer.flush()
    task = killed_and_resumed(folder, "by_kafka")
    assert task["xcom"]["return_value"] == {"number": 1}
    asking = Consumer({"bootstrap.servers": kafka, "group.id": "waiter"})
    (position,) = asking.committed([TopicPartition("orders", 0)], timeout=10)
    asking.close()
    assert position.offset == 2, "what came after it is for others"


def test_k18_a_message_of_sqs_is_deleted_when_it_is_stored(folder: Folder, sqs: Any, queue_url: str) -> None:
    sqs.send_message(QueueUrl=queue_url, MessageBody="one.csv")
    task = killed_and_resumed(folder, "by_sqs")
    (message,) = task["xcom"]["messages"]
    assert message["Body"] == "one.csv"
    counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    assert set(sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=counts)["Attributes"].values()) == {"0"}
