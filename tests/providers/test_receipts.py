"""Messages of Kafka and SQS that packages' own triggers wait for, when the engine is killed."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.test_assets import started
from tests.providers.conftest import MakeFolder
from tests.support.commands import Folder
from tests.support.servers import serving

pytestmark = [pytest.mark.providers, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}


@pytest.fixture(scope="module")
def kafka() -> Iterator[str]:
    with serving("tests.support.kafka_server", "orders", "files") as (addresses,):
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
    aws = {"region_name": "us-east-1", "endpoint_url": sqs.meta.endpoint_url}
    return make_folder(
        "acknowledged.py",
        "message_functions.py",
        AIRFLOW_CONN_KAFKA_WAITER=group(kafka, "waiter"),
        AIRFLOW_CONN_AWS_DEFAULT=json.dumps(
            {"conn_type": "aws", "login": "testing", "password": "testing", "extra": aws}
        ),
        AIRFLOW_VAR_QUEUE_URL=queue_url,
    )


def group(kafka: str, name: str) -> str:
    """A connection for a group of consumers."""
    session = {"session.timeout.ms": 3000, "heartbeat.interval.ms": 500, "auto.commit.interval.ms": 100}
    extra = {"bootstrap.servers": kafka, "group.id": name, "auto.offset.reset": "earliest", **session}
    return json.dumps({"conn_type": "kafka", "extra": extra})


def committed(kafka: str, name: str, topic: str) -> int:
    """Up to which message of the first partition a group is done."""
    from confluent_kafka import Consumer, TopicPartition

    asking = Consumer({"bootstrap.servers": kafka, "group.id": name})
    (position,) = asking.committed([TopicPartition(topic, 0)], timeout=10)
    asking.close()
    return position.offset


def send(kafka: str, topic: str, *values: str) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka})
    for value in values:
        producer.produce(topic, value, partition=0)
    producer.flush()


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
    send(kafka, "orders", *(json.dumps({"number": number}) for number in range(3)))
    task = killed_and_resumed(folder, "by_kafka")
    assert task["xcom"]["return_value"] == {"number": 1}
    assert committed(kafka, "waiter", "orders") == 2, "what came after it is for others"


def test_k18_a_message_of_sqs_is_deleted_when_it_is_stored(folder: Folder, sqs: Any, queue_url: str) -> None:
    sqs.send_message(QueueUrl=queue_url, MessageBody="one.csv")
    task = killed_and_resumed(folder, "by_sqs")
    (message,) = task["xcom"]["messages"]
    assert message["Body"] == "one.csv"
    counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    assert set(sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=counts)["Attributes"].values()) == {"0"}


def test_k18_a_message_that_is_stored_and_not_committed_starts_one_run(make_folder: MakeFolder, kafka: str) -> None:
    folder = make_folder("watched_once.py", AIRFLOW_CONN_KAFKA_WATCHER=group(kafka, "watcher"))
    with folder.start("standalone", "--port", "0", BIDE_FAULT="event.after:kill-all") as server:
        server.read_until("curl -u")
        send(kafka, "files", "one.csv")
        assert server.wait() == -signal.SIGKILL
    assert committed(kafka, "watcher", "files") < 0
    send(kafka, "files", "two.csv")
    with started(folder) as api:
        api.until(lambda: committed(kafka, "watcher", "files") == 2)
        api.until(lambda: {run["state"] for run in api.get("/dags/on_file/dagRuns")["dag_runs"]} == {"success"})
        runs = [run["dag_run_id"] for run in api.get("/dags/on_file/dagRuns")["dag_runs"]]
        path = "taskInstances/load/xcomEntries/return_value"
        loaded = [one for run in runs for one in api.get(f"/dags/on_file/dagRuns/{run}/{path}")["value"]]
    assert sorted(loaded) == ["one.csv", "two.csv"]
