"""The package snowflake on fakesnow."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.providers.conftest import MakeFolder, cancelled_run
from tests.support import names_to_loopback
from tests.support.certificates import certify
from tests.support.commands import PATIENCE, DagRun, Folder
from tests.support.servers import serving

pytestmark = [
    pytest.mark.providers,
    pytest.mark.filterwarnings("ignore:Unverified HTTPS request"),
]

DAY = "2024-05-06"
NAMES = ".snowflakecomputing.com"
DEFERRED = "scheduled queued running deferred scheduled queued running"


@pytest.fixture(scope="module")
def snowflake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables that lead drivers to the server."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = certify(folder, f"*{NAMES}")
    with serving("tests.support.snowflake_server", str(folder / "server.pem")) as (port,):
        yield {
            "PYTHONPATH": os.pathsep.join(names_to_loopback.__path__),
            "LOOPBACK_NAMES": NAMES,
            "LOOPBACK_PORT": port,
            "REQUESTS_CA_BUNDLE": str(authority),
            "SSL_CERT_FILE": str(authority),
        }


def connection() -> str:
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    extra = {"account": "tests", "private_key_content": key.decode(), "insecure_mode": True}
    return json.dumps({"conn_type": "snowflake", "login": "ada", "extra": extra})


@pytest.fixture(scope="module")
def folder(make_folder: MakeFolder, snowflake: dict[str, str]) -> Folder:
    return make_folder("snowflake_.py", AIRFLOW_CONN_SNOWFLAKE_DEFAULT=connection(), **snowflake)


@pytest.fixture(scope="module")
def run(folder: Folder) -> DagRun:
    return folder.dag_run("snowflake_", "--logical-date", DAY, code=1)


def test_statements_are_run(run: DagRun) -> None:
    for task_id in ("create", "insert", "arrived"):
        assert run.end(task_id) == "success"
    assert run.result("total") == [[62]]


@pytest.mark.parametrize(("mode", "states"), [("blocking", "scheduled queued running"), ("deferrable", DEFERRED)])
class TestBothModes:
    def test_statements_of_the_api_are_waited_for(self, run: DagRun, mode: str, states: str) -> None:
        assert run.states(f"api_{mode}") == f"{states} success"
        assert len(run.tasks[f"api_{mode}"]["xcom"]["query_ids"]) == 2

    def test_a_wrong_statement_fails(self, run: DagRun, mode: str, states: str) -> None:
        assert run.states(f"wrong_{mode}") == f"{states} failed"
        assert "NOWHERE" in run.tasks[f"wrong_{mode}"]["error"].upper()

    def test_a_statement_does_not_outlive_its_task(
        self, run: DagRun, snowflake: dict[str, str], mode: str, states: str
    ) -> None:
        deferred = " deferred" if mode == "deferrable" else ""
        assert run.states(f"too_long_{mode}") == f"scheduled queued running{deferred} failed"
        assert told(snowflake, f"too_long_{mode}") == "cancelled"


def told(snowflake: dict[str, str], task_id: str) -> int | str:
    """How often a statement that goes on was looked at, or that it was cancelled."""
    url = f"https://127.0.0.1:{snowflake['LOOPBACK_PORT']}/told"
    answer = requests.get(url, verify=False, timeout=PATIENCE)  # the name in its certificate is another
    found = answer.json().get(f"SELECT 'forever {task_id}'", 0)
    assert isinstance(found, int | str)
    return found


def test_statements_are_cancelled_with_the_run(folder: Folder, snowflake: dict[str, str]) -> None:
    task_ids = ["cancelled_blocking", "cancelled_deferrable"]

    def all_are_waited_for() -> bool:
        return all(told(snowflake, task_id) not in (0, 1) for task_id in task_ids)

    states = cancelled_run(folder, "snowflake_cancelled", all_are_waited_for)
    assert set(states.values()) == {"failed"}
    assert [told(snowflake, task_id) for task_id in task_ids] == ["cancelled", "cancelled"]
