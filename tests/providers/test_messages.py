"""The packages apache-kafka and redis, and assets that queues watch by common-messaging."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.test_assets import started
from tests.providers.conftest import MakeFolder
from tests.support.commands import DagRun, Folder
from tests.support.redis_server import redis_server
from tests.support.servers import serving

pytestmark = [pytest.mark.providers, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

DAY = "2024-05-06"


@pytest.fixture(scope="module")
def kafka() -> Iterator[str]:
    with serving("tests.support.kafka_server", "orders", "files") as (addresses,):
        yield addresses


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with redis_server(tmp_path_factory.mktemp("redis")) as port:
        yield port


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    with serving("tests.support.aws_server") as (url,):
        yield url


@pytest.fixture(scope="module")
def variables(kafka: str, redis_port: int) -> dict[str, str]:
    """Connections, those of Kafka with a group of consumers each."""
    found = {"AIRFLOW_CONN_REDIS_DEFAULT": f"redis://127.0.0.1:{redis_port}"}
    for name in ("default", "consumer", "waiter", "watcher", "shared"):
        # The mock cluster forgets who has left a group only after this time.
        session = {"session.timeout.ms": 3000, "heartbeat.interval.ms": 500}
        # The shared stream of the package asks for the last one.
        session["enable.auto.commit"] = name != "shared"
        extra = {"bootstrap.servers": kafka, "group.id": name, "auto.offset.reset": "earliest", **session}
        found[f"AIRFLOW_CONN_KAFKA_{name.upper()}"] = json.dumps({"conn_type": "kafka", "extra": extra})
    return found


@pytest.fixture(scope="module")
def folder(make_folder: MakeFolder, variables: dict[str, str]) -> Folder:
    return make_folder("messages.py", "message_functions.py", **variables)


@pytest.fixture(scope="module")
def run(folder: Folder) -> DagRun:
    return folder.dag_run("kafka_", "--logical-date", DAY)


def test_messages_are_sent_and_received(run: DagRun) -> None:
    assert run.end("send") == "success"
    assert sorted(run.result("receive")) == [0, 1, 2]


def test_a_sensor_waits_for_its_message_without_a_worker(run: DagRun) -> None:
    assert run.states("answer") == "scheduled queued running deferred scheduled queued running success"
    assert run.result("answer") == {"day": "later", "number": 5}
    assert run.tasks["answer"]["xcom"]["found"] == run.result("answer")


def test_keys_and_channels_of_redis(folder: Folder) -> None:
    run = folder.dag_run("redis_", "--logical-date", DAY)
    assert run.end("key") == "success"
    assert b64decode(run.tasks["message"]["xcom"]["message"]["data"]).decode() == f"{DAY} is done"


def committed(kafka: str, group: str) -> int:
    """How many messages of the topic ``files`` are done with."""
    from confluent_kafka import Consumer, TopicPartition

    asking = Consumer({"bootstrap.servers": kafka, "group.id": group})
    partitions = asking.list_topics("files", timeout=10).topics["files"].partitions
    positions = asking.committed([TopicPartition("files", number) for number in partitions], timeout=10)
    asking.close()
    return sum(max(0, one.offset) for one in positions)


def test_messages_of_queues_start_runs(
    make_folder: MakeFolder, variables: dict[str, str], aws: str, kafka: str, redis_port: int
) -> None:
    import boto3
    import redis
    from confluent_kafka import Producer

    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}
    sqs = boto3.client("sqs", endpoint_url=aws, **keys)
    queue_url = sqs.create_queue(QueueName="files")["QueueUrl"]
    extra = {"region_name": "us-east-1", "endpoint_url": aws}
    connection = {"conn_type": "aws", "login": "testing", "password": "testing", "extra": extra}
    folder = make_folder(
        "watched.py",
        "message_functions.py",
        AIRFLOW_CONN_AWS_DEFAULT=json.dumps(connection),
        AIRFLOW_VAR_QUEUE_URL=queue_url,
        **variables,
    )
    producer = Producer({"bootstrap.servers": kafka})
    client = redis.Redis(port=redis_port)

    def send(text: str) -> None:
        sqs.send_message(QueueUrl=queue_url, MessageBody=text)
        producer.produce("files", text)
        producer.flush()
        assert client.publish("files", text) == 1

    with started(folder) as api:

        def loaded(name: str) -> list[Any]:
            runs = api.get(f"/dags/on_{name}/dagRuns")["dag_runs"]
            done = [run["dag_run_id"] for run in runs if run["state"] == "success"]
            path = "taskInstances/load/xcomEntries/return_value"
            return [one for id_ in done for one in api.get(f"/dags/on_{name}/dagRuns/{id_}/{path}")["value"]]

        def states() -> set[str]:
            return {one["state"] for one in api.get("/assets/watchers")["asset_watchers"]}

        for number, text in enumerate(("one.csv", "two.csv"), 1):
            api.until(lambda: client.pubsub_numsub("files")[0][1] == 1)
            send(text)
            for name in ("sqs", "kafka", "redis", "shared"):
                api.until(lambda name=name, number=number: len(loaded(name)) == number)
        api.until(lambda: loaded("filtered") == ["two.csv"])
        assert set(loaded("shared")) == {"one.csv", "two.csv"}
        api.until(lambda: committed(kafka, "shared") == 2)
        assert set(loaded("kafka")) == {"one.csv", "two.csv"}
        assert {one["data"] for one in loaded("redis")} == {"one.csv", "two.csv"}
        bodies = {one["Body"] for event in loaded("sqs") for one in event["message_batch"]}
        assert bodies == {"one.csv", "two.csv"}
        assert states() == {"watching"}
