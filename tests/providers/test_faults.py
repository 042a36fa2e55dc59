"""What a person reads of services that answer with errors, or not at all."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from tests.providers.conftest import ON_BOTH_STORES, MakeFolder, kept
from tests.support.airbyte import Airbyte
from tests.support.commands import DagRun, Folder
from tests.support.databricks import Databricks

pytestmark = [pytest.mark.providers, ON_BOTH_STORES]

MODES = ("blocking", "deferrable")
#: What is said of each fault, the same in both modes unless there are two.
SAID = {
    ("databricks", "expired"): ["Status Code: 401"],
    ("databricks", "down"): ["API requests to Databricks failed 3 times (last error: 503"],
    ("databricks", "garbage"): ["JSONDecodeError: ", "(connection databricks_default: 127.0.0.1:"],
    ("databricks", "missing"): ["Job 999 does not exist"],
    ("databricks", "refused"): ["Connection refused", "127.0.0.1"],
    ("databricks", "login"): ["Invalid access token", "(connection databricks_login: 127.0.0.1:"],
    ("airbyte", "missing"): ["Status 404"],
    ("airbyte", "refused"): ["Connection refused (connection airbyte_refused: http://127.0.0.1:"],
    ("airbyte", "login"): ["401 from token endpoint (connection airbyte_login: http://127.0.0.1:"],
}
#: The package's look in its worker goes on after errors, its trigger ends at the first one.
SAID_BY_TRIGGER = {
    "expired": "Status 401",
    "burst": "Status 503",
    "down": "Status 503",
    "garbage": "expected value",
}


@pytest.fixture(scope="module")
def databricks() -> Iterator[Databricks]:
    with Databricks() as server:
        yield server


@pytest.fixture(scope="module")
def airbyte() -> Iterator[Airbyte]:
    with Airbyte() as server:
        yield server


@pytest.fixture(scope="module")
def folder(make_folder: MakeFolder, databricks: Databricks, airbyte: Airbyte) -> Iterator[Folder]:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        connections = {
            "databricks_default": databricks.connection(),
            "databricks_refused": {**databricks.connection(), "port": port},
            "databricks_login": {**databricks.connection(), "password": "dapi-a-wrong-one"},
            "airbyte_default": airbyte.connection(),
            "airbyte_refused": {**airbyte.connection(), "host": f"http://127.0.0.1:{port}"},
            "airbyte_login": {**airbyte.connection(), "password": "another-wrong-one"},
        }
        yield make_folder(
            "faults.py", **{f"AIRFLOW_CONN_{name.upper()}": json.dumps(one) for name, one in connections.items()}
        )


@pytest.fixture(scope="module")
def run(folder: Folder) -> DagRun:
    return folder.dag_run("faults", code=1)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("fault", SAID, ids="-".join)
def test_a_fault_is_told(run: DagRun, fault: tuple[str, str], mode: str) -> None:
    task_id = f"{'_'.join(fault)}_{mode}"
    assert run.end(task_id) == "failed"
    for words in SAID[fault]:
        assert words in run.tasks[task_id]["error"]


@pytest.mark.parametrize("task_id", ["databricks_burst_blocking", "databricks_burst_deferrable"])
def test_short_faults_are_outlived(run: DagRun, task_id: str) -> None:
    assert run.end(task_id) == "success"


@pytest.mark.parametrize("fault", SAID_BY_TRIGGER)
def test_the_trigger_of_airbyte_ends_at_the_first_fault(run: DagRun, fault: str) -> None:
    assert "deferred" in run.states(f"airbyte_{fault}_deferrable")
    assert SAID_BY_TRIGGER[fault] in run.tasks[f"airbyte_{fault}_deferrable"]["error"]


@pytest.mark.parametrize(
    ("fault", "end"), [("burst", "success"), ("garbage", "success"), ("down", "failed"), ("expired", "failed")]
)
def test_its_blocking_wait_goes_on(run: DagRun, fault: str, end: str) -> None:
    assert run.end(f"airbyte_{fault}_blocking") == end
    if end == "failed":
        assert "is not ready after 4" in run.tasks[f"airbyte_{fault}_blocking"]["error"]


def test_the_log_says_which_connections_were_used(run: DagRun) -> None:
    assert "Connections that it had looked up: airbyte_default (http://127.0.0.1:" in run.log(
        "airbyte_missing_deferrable"
    )


def test_no_secret_is_in_what_is_kept(run: DagRun, folder: Folder) -> None:
    """Neither in logs nor in the store, which has the arguments of the triggers."""
    for secret in ("wrong-one", "the-client-secret", "dapi-the-token"):
        assert kept(folder, secret) == []
