"""The package amazon on moto."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from tests.providers.conftest import MakeFolder, cancelled_run, kept, states_of
from tests.support.commands import DagRun, Folder
from tests.support.servers import serving

pytestmark = [pytest.mark.providers, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

DAY: Final = "2024-05-06"
REGION: Final = "us-east-1"
DEFERRED = "scheduled queued running deferred scheduled queued running"


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    with serving("tests.support.aws_server") as (url,):
        yield url


@pytest.fixture(scope="module")
def clients(aws: str) -> Any:
    import boto3

    session = boto3.Session("testing", "testing", region_name=REGION)
    return lambda service: session.client(service, endpoint_url=aws)


@pytest.fixture(scope="module")
def variables(clients: Any) -> dict[str, str]:
    """Makes what the DAGs take to be there; the variables that say where."""
    clients("s3").create_bucket(Bucket="my-data-lake")
    clients("s3").put_object(Bucket="my-data-lake", Key=f"raw/date={DAY}/part-1.parquet", Body=b"rows")
    sqs, sns = clients("sqs"), clients("sns")
    queues = {
        name: sqs.create_queue(QueueName=name)["QueueUrl"]
        for name in ("late-reschedule", "late-deferrable", "published")
    }
    topic = sns.create_topic(Name="pipeline-alerts")["TopicArn"]
    arn = sqs.get_queue_attributes(QueueUrl=queues["published"], AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    role = clients("iam").create_role(RoleName="glue", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    clients("glue").create_database(DatabaseInput={"Name": "silver"})
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("main.py", "def handler(event, context): return event")
    clients("lambda").create_function(
        FunctionName="pipeline-notifier",
        Runtime="python3.11",
        Role=role,
        Handler="main.handler",
        Code={"ZipFile": code.getvalue()},
    )
    return {"queue_url": queues["published"].rpartition("/")[0], "topic_arn": topic}


def connection(aws: str) -> str:
    return json.dumps(
        {
            "conn_type": "aws",
            "login": "testing",
            "password": "testing",
            "extra": {"region_name": REGION, "endpoint_url": aws},
        }
    )


@pytest.fixture(scope="module")
def folder(make_folder: MakeFolder, aws: str, variables: dict[str, str]) -> Folder:
    named = {f"AIRFLOW_VAR_{name.upper()}": value for name, value in variables.items()}
    return make_folder("aws_.py", AIRFLOW_CONN_AWS_DEFAULT=connection(aws), **named)


@pytest.fixture(scope="module")
def storage(folder: Folder) -> DagRun:
    return folder.dag_run("aws_storage", "--logical-date", DAY)


@pytest.mark.parametrize("kind", ["s3", "sqs"])
class TestWaitsForObjectsAndMessages:
    def test_a_worker_is_free_between_looks(self, storage: DagRun, kind: str) -> None:
        states = storage.states(f"{kind}_reschedule")
        assert states.count("up_for_reschedule") >= 2
        assert states.endswith("success")

    def test_no_worker_is_needed(self, storage: DagRun, kind: str) -> None:
        assert storage.states(f"{kind}_deferrable") == f"{DEFERRED} success"


@pytest.mark.parametrize("mode", ["reschedule", "deferrable"])
class TestWaits:
    def test_keys_may_have_wildcards(self, storage: DagRun, mode: str) -> None:
        assert storage.end(f"wildcard_{mode}") == "success"

    def test_soft_fail_skips(self, storage: DagRun, mode: str) -> None:
        assert storage.end(f"never_{mode}") == "skipped"

    def test_a_message_is_pushed(self, storage: DagRun, mode: str) -> None:
        (message,) = storage.tasks[f"sqs_{mode}"]["xcom"]["messages"]
        assert json.loads(message["Body"]) == {"file": "orders.csv"}


@pytest.fixture(scope="module")
def catalog(folder: Folder) -> DagRun:
    return folder.dag_run("aws_catalog", "--logical-date", DAY, code=1)


@pytest.mark.parametrize(("mode", "states"), [("blocking", "scheduled queued running"), ("deferrable", DEFERRED)])
@pytest.mark.parametrize("kind", ["glue", "crawl", "athena"])
def test_jobs_are_waited_for(catalog: DagRun, kind: str, mode: str, states: str) -> None:
    assert catalog.states(f"{kind}_{mode}") == f"{states} success"


@pytest.mark.parametrize("mode", ["blocking", "deferrable"])
def test_jobs_are_found_on_aws(catalog: DagRun, clients: Any, mode: str) -> None:
    run = clients("glue").get_job_run(JobName=f"orders-silver-etl-{mode}", RunId=catalog.result(f"glue_{mode}"))
    assert run["JobRun"]["Arguments"]["--run_date"] == DAY
    query = clients("athena").get_query_execution(QueryExecutionId=catalog.result(f"athena_{mode}"))
    assert f"date='{DAY}'" in query["QueryExecution"]["Query"]
    assert catalog.end(f"crawled_{mode}") == "success"


def ended(clients: Any, name: str, end: str, mode: str) -> str:
    """The state on AWS of a job or query of the DAG file's endless()."""
    word = "fails" if end == "fails" else "forever"
    if name == "glue":
        (run,) = clients("glue").get_job_runs(JobName=f"{word}-{end}-{mode}")["JobRuns"]
        return str(run["JobRunState"])
    athena = clients("athena")
    ids = athena.list_query_executions()["QueryExecutionIds"]
    queries = [athena.get_query_execution(QueryExecutionId=one)["QueryExecution"] for one in ids]
    (found,) = [one["Status"]["State"] for one in queries if one["Query"] == f"SELECT {word}_{end}_{mode}"]
    return str(found)


STOPPED = {"glue": "STOPPED", "athena": "CANCELLED"}


@pytest.mark.parametrize("mode", ["blocking", "deferrable"])
@pytest.mark.parametrize("kind", ["glue", "crawl", "athena"])
def test_jobs_that_fail_fail_their_tasks(catalog: DagRun, kind: str, mode: str) -> None:
    assert catalog.end(f"{kind}_fails_{mode}") == "failed"
    assert ("deferred" in catalog.states(f"{kind}_fails_{mode}")) == (mode == "deferrable")
    assert "fail" in catalog.tasks[f"{kind}_fails_{mode}"]["error"].lower()


@pytest.mark.parametrize("mode", ["blocking", "deferrable"])
@pytest.mark.parametrize("kind", STOPPED)
def test_a_job_does_not_outlive_its_task(catalog: DagRun, clients: Any, kind: str, mode: str) -> None:
    deferred = " deferred" if mode == "deferrable" else ""
    assert catalog.states(f"{kind}_too_long_{mode}") == f"scheduled queued running{deferred} failed"
    assert ended(clients, kind, "too_long", mode) == STOPPED[kind]


def test_jobs_are_stopped_with_the_run(folder: Folder, clients: Any) -> None:
    of_all = [(kind, mode) for kind in STOPPED for mode in ("blocking", "deferrable")]

    def all_are_waited_for() -> bool:
        with suppress(ClientError, ValueError):  # not begun yet
            if {ended(clients, kind, "cancelled", mode) for kind, mode in of_all} == {"RUNNING"}:
                states = states_of(folder, "aws_cancelled")
                return all(state == "deferred" for task_id, state in states.items() if "deferrable" in task_id)
        return False

    states = cancelled_run(folder, "aws_cancelled", all_are_waited_for)
    assert set(states.values()) == {"failed"}
    found = {(kind, ended(clients, kind, "cancelled", mode)) for kind, mode in of_all}
    assert found == set(STOPPED.items())


@pytest.fixture(scope="module")
def emr(folder: Folder) -> DagRun:
    return folder.dag_run("aws_emr", "--logical-date", DAY)


def test_sensors_of_emr_free_their_worker(emr: DagRun) -> None:
    for task_id in ("cluster_reschedule", "step_reschedule"):
        assert "up_for_reschedule" in emr.states(task_id)
        assert emr.end(task_id) == "success"


@pytest.mark.parametrize("task_id", ["create", "cluster", "step", "submit_and_wait", "terminate"])
def test_waits_of_emr_are_deferred(emr: DagRun, task_id: str) -> None:
    assert emr.states(f"{task_id}_deferrable") == f"{DEFERRED} success"


@pytest.mark.parametrize("mode", ["reschedule", "deferrable"])
def test_a_step_that_fails_fails_its_sensor(emr: DagRun, mode: str) -> None:
    assert emr.end(f"failing_step_{mode}") == "failed"
    assert emr.end(f"terminate_{mode}") == "success"


@pytest.mark.parametrize("mode", ["reschedule", "deferrable"])
def test_a_step_that_fails_fails_its_operator(emr: DagRun, mode: str) -> None:
    assert emr.end(f"submit_and_fail_{mode}") == "failed"


@pytest.mark.parametrize("mode", ["reschedule", "deferrable"])
def test_no_cluster_is_left(emr: DagRun, clients: Any, mode: str) -> None:
    cluster = clients("emr").describe_cluster(ClusterId=emr.result(f"create_{mode}"))["Cluster"]
    assert cluster["Name"] == f"airflow-spark-cluster-{DAY}"
    assert cluster["Status"]["State"] == "TERMINATED"


def test_functions_and_topics(folder: Folder) -> None:
    run = folder.dag_run("aws_messages", "--logical-date", DAY)
    assert DAY in run.result("invoke")
    assert run.end("invoke_async") == "success"
    assert run.result("publish")["MessageId"]
    (message,) = run.tasks["published"]["xcom"]["messages"]
    assert json.loads(message["Body"])["Message"] == f"{DAY} is done"


def test_secrets_manager_has_connections_and_variables(make_folder: MakeFolder, aws: str, clients: Any) -> None:
    secrets = clients("secretsmanager")
    postgres = {"conn_type": "postgres", "host": "dwh", "login": "ada", "password": "hunter22"}
    secrets.create_secret(Name="airflow/connections/postgres_default", SecretString=json.dumps(postgres))
    secrets.create_secret(Name="airflow/variables/bucket", SecretString="my-data-lake")
    folder = make_folder(
        BIDE__SECRETS__BACKEND="airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend",
        BIDE__SECRETS__BACKEND_KWARGS=json.dumps(
            {
                "connections_prefix": "airflow/connections",
                "variables_prefix": "airflow/variables",
                "region_name": REGION,
                "endpoint_url": aws,
                "aws_access_key_id": "testing",
                "aws_secret_access_key": "testing",
            }
        ),
    )
    folder.dag(
        "looks_up",
        """
from airflow.hooks.base import BaseHook
from airflow.models import Variable
from airflow.sdk import dag, task

@dag
def looks_up():
    @task
    def look():
        conn = BaseHook.get_connection("postgres_default")
        print(f"the password is {conn.password}")
        return [conn.host, conn.login, Variable.get("bucket"), Variable.get("nothing", default_var="none")]
    look()

looks_up()
""",
    )
    run = folder.dag_run("looks_up")
    assert run.result("look") == ["dwh", "ada", "my-data-lake", "none"]
    assert "the password is ***" in run.log("look")
    assert not kept(folder, "hunter22")
