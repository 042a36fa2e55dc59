"""What packages declare: notifiers, decorators, settings, queues by their URIs, backends of secrets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.providers.conftest import MakeFolder
from tests.support.commands import DagRun, Folder
from tests.support.fake_server import Answer, FakeServer, Request
from tests.support.mail_server import Mailbox, mail_server
from tests.support.servers import serving

pytestmark = [pytest.mark.providers, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}
FAILED = "declared.fails failed: no rows"


class Service(FakeServer):
    """Takes what is sent to it, and is a Vault with one secret of each kind."""

    secrets = {
        "connections/dwh": {"conn_uri": "postgres://ada:hunter22@dwh:5432/sales"},
        "variables/bucket": {"value": "my-data-lake"},
    }

    def answer(self, request: Request) -> Answer:
        if not request.path.startswith("/v1/"):
            return Answer(200, "ok")
        if request.headers.get("X-Vault-Token") != "a-token":
            return Answer(403, {"errors": ["permission denied"]})
        found = self.secrets.get(request.path.removeprefix("/v1/airflow/data/"))
        if found is None:
            return Answer(404, {"errors": []})
        return Answer(200, {"data": {"data": found, "metadata": {"version": 1}}})


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with Service() as server:
        yield server


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    with serving("tests.support.aws_server") as (url,):
        yield url


@pytest.fixture(scope="module")
def kafka() -> Iterator[str]:
    with serving("tests.support.kafka_server", "orders") as (addresses,):
        yield addresses


@pytest.fixture(scope="module")
def clients(aws: str) -> Any:
    import boto3

    return lambda service: boto3.client(service, endpoint_url=aws, **KEYS)


@pytest.fixture(scope="module")
def queues(clients: Any) -> dict[str, str]:
    """Queues by name; the topic ``alerts`` is what ``published`` gets."""
    sqs, sns = clients("sqs"), clients("sns")
    urls = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("alerts", "published", "files")}
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    about = sqs.get_queue_attributes(QueueUrl=urls["published"], AttributeNames=["QueueArn"])
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=about["Attributes"]["QueueArn"])
    return {**urls, "topic": topic}


@pytest.fixture(scope="module")
def folder(
    make_folder: MakeFolder, service: Service, mailbox: Mailbox, aws: str, kafka: str, queues: dict[str, str]
) -> Folder:
    group = {"bootstrap.servers": kafka, "group.id": "uri", "auto.offset.reset": "earliest"}
    plain = {"disable_ssl": True, "disable_tls": True, "from_email": "bide@example.com"}
    connections: dict[str, dict[str, Any]] = {
        "aws_default": {
            "conn_type": "aws",
            "login": "testing",
            "password": "testing",
            "extra": {"region_name": "us-east-1", "endpoint_url": aws},
        },
        "slack": {"conn_type": "slackwebhook", "host": f"{service.url}/services", "password": "T0/B0/X"},
        "smtp": {"conn_type": "smtp", "host": "127.0.0.1", "port": mailbox.port, "extra": plain},
        "hook": {"conn_type": "http", "host": service.url},
        "sqlite": {"conn_type": "sqlite", "host": ":memory:"},
        "kafka_uri": {"conn_type": "kafka", "extra": group},
    }
    return make_folder(
        "declared.py",
        "message_functions.py",
        **{f"AIRFLOW_CONN_{name.upper()}": json.dumps(fields) for name, fields in connections.items()},
        AIRFLOW_VAR_TOPIC_ARN=queues["topic"],
        AIRFLOW_VAR_QUEUE_URL=queues["alerts"],
        AIRFLOW_VAR_KAFKA=kafka,
        AIRFLOW_VAR_AMAZON_QUEUE_URL="https://sqs.us-east-1.amazonaws.com/123456789012/files",
    )


@pytest.fixture(scope="module")
def run(folder: Folder) -> DagRun:
    return folder.dag_run("declared", code=1)


def test_a_failure_is_told_by_each_notifier(
    run: DagRun, service: Service, mailbox: Mailbox, clients: Any, queues: dict[str, str]
) -> None:
    assert run.end("fails") == "failed"
    posted = {request.path: request.json for request in service.requests if request.method == "POST"}
    assert posted["/services/T0/B0/X"]["text"] == FAILED
    assert posted["/alerts"] == {"text": FAILED}
    (mail,) = mailbox.mails
    assert f"Subject: {FAILED}" in mail
    assert mailbox.recipients == ["team@example.com"]
    sqs = clients("sqs")
    (sent,) = sqs.receive_message(QueueUrl=queues["alerts"])["Messages"]
    (published,) = sqs.receive_message(QueueUrl=queues["published"])["Messages"]
    assert sent["Body"] == FAILED
    assert json.loads(published["Body"])["Message"] == FAILED


def test_decorators_of_packages_make_tasks(run: DagRun) -> None:
    assert run.result("query") == [[42]]


def test_settings_have_the_defaults_of_their_packages(run: DagRun) -> None:
    assert run.result("settings") == [
        "airflow.providers.amazon.aws.log.cloudwatch_task_handler.json_serialize_legacy",
        "none",
        3,
    ]


def test_types_of_connections_have_the_hooks_of_their_packages(run: DagRun) -> None:
    assert run.result("hooks") == {
        "slack": "SlackWebhookHook",
        "smtp": "SmtpHook",
        "hook": "HttpHook",
        "sqlite": "SqliteHook",
    }


def test_a_queue_is_named_by_its_uri(folder: Folder, kafka: str, clients: Any, queues: dict[str, str]) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka})
    for number in (4, 5):
        producer.produce("orders", json.dumps({"number": number}))
    producer.flush()
    clients("sqs").send_message(QueueUrl=queues["files"], MessageBody="one.csv")
    run = folder.dag_run("by_uri")
    assert run.result("kafka") == {"number": 5}
    assert [message["Body"] for message in run.result("sqs")["message_batch"]] == ["one.csv"]


@pytest.mark.parametrize("backend", ["ssm", "vault"])
def test_secrets_come_from_backends(
    make_folder: MakeFolder, service: Service, aws: str, clients: Any, backend: str
) -> None:
    kwargs: dict[str, Any]
    if backend == "ssm":
        ssm = clients("ssm")
        ssm.put_parameter(
            Name="/airflow/connections/dwh", Value=Service.secrets["connections/dwh"]["conn_uri"], Type="String"
        )
        ssm.put_parameter(Name="/airflow/variables/bucket", Value="my-data-lake", Type="String")
        path = "airflow.providers.amazon.aws.secrets.systems_manager.SystemsManagerParameterStoreBackend"
        kwargs = {"endpoint_url": aws, **KEYS}
    else:
        path = "airflow.providers.hashicorp.secrets.vault.VaultBackend"
        kwargs = {"url": service.url, "mount_point": "airflow", "token": "a-token"}
    folder = make_folder(AIRFLOW__SECRETS__BACKEND=path, AIRFLOW__SECRETS__BACKEND_KWARGS=json.dumps(kwargs))
    folder.dag(
        "looks_up",
        """
from airflow.sdk import DAG, BaseHook, Variable, task

with DAG("looks_up"):
    @task
    def look():
        conn = BaseHook.get_connection("dwh")
        return [conn.host, conn.login, Variable.get("bucket"), Variable.get("nothing", default="none")]
    look()
""",
    )
    assert folder.dag_run("looks_up").result("look") == ["dwh", "ada", "my-data-lake", "none"]
