"""The examples of work in other services: asked for, called back from, and told of by a queue; each in two ways."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.api import Api
from tests.support.commands import Folder
from tests.support.servers import serving

EXAMPLES = Path(__file__).parents[2] / "examples/external_work"
WAYS = [f"{name}{way}" for name in ("polling", "callback", "queue") for way in ("", "_as_in_airflow")]


@pytest.fixture(scope="module")
def service() -> Iterator[list[str]]:
    """The addresses of the service, whose jobs take half a second, and of its broker."""
    for module in ("kafka", "confluent_kafka"):
        pytest.importorskip(module, reason="install the group `examples`; the README's first command has it")
    with serving("examples.external_work.service", "--seconds", "0.5", "--kafka") as addresses:
        yield addresses


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, service: list[str]) -> Iterator[Api]:
    """An engine with the DAG files, and the relay of callbacks."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = str(listening.getsockname()[1])
    path = tmp_path_factory.mktemp("external") / "project"
    password = str(path / ".bide/password")
    relay_arguments = ("--api", f"http://127.0.0.1:{port}", "--password-file", password)
    with serving("examples.external_work.relay", *relay_arguments) as (relay,):
        folder = Folder(path, JOB_SERVICE=service[0], JOB_BROKERS=service[1], JOB_RELAY=relay)
        folder.copy(*(EXAMPLES / "dags").glob("*.py"))
        with folder.start("standalone", "--port", port) as server:
            server.read_until("curl -u")
            with Api(folder, server) as api:
                api.until(lambda: len(api.get("/dags")["dags"]) == len(WAYS))
                yield api


@pytest.fixture(scope="module")
def runs(api: Api) -> dict[tuple[str, str], str]:
    """A run of each DAG for two jobs that end well and one for two that fail, all at the same time."""
    conf = {name: {"name": name, "jobs": 2} for name in ("good", "bad")}
    return {
        (dag_id, name): api.post(f"/dags/{dag_id}/dagRuns", conf=conf[name])["dag_run_id"]
        for dag_id in WAYS
        for name in conf
    }


@pytest.mark.parametrize("dag_id", WAYS)
def test_a_task_ends_as_its_job_does(api: Api, runs: dict[tuple[str, str], str], dag_id: str) -> None:
    """Also P110, P111 and P112: what such an operator for Airflow does with a job that has ended."""
    for name, state in (("good", "success"), ("bad", "failed")):
        path = f"/dags/{dag_id}/dagRuns/{runs[dag_id, name]}"
        api.until(lambda path=path: api.get(path)["state"] in ("success", "failed"))
        instances = api.get(f"{path}/taskInstances")["task_instances"]
        assert [one["state"] for one in instances if one["task_id"] == "job"] == [state] * 2
        assert api.get(path)["state"] == state


def test_an_answer_of_yesterday_is_not_taken_for_that_of_today(api: Api, service: list[str]) -> None:
    """Two runs ask for the job of one name: the second waits for its own end."""

    def ends() -> list[float]:
        told = httpx.get(f"{service[0]}/ended").json()["ended"]
        return [told[f"again-queue-{number}"] for number in range(2)]

    assert api.run_to_end("queue", conf={"name": "again", "jobs": 2})["state"] == "success"
    first = ends()
    assert api.run_to_end("queue", conf={"name": "again", "jobs": 2})["state"] == "success"
    assert all(later > sooner for later, sooner in zip(ends(), first, strict=True))


def test_loops_that_hold_a_worker_are_named(tmp_path: Path) -> None:
    """L034; neither service nor broker is there to be asked while the files are read (L035)."""
    pytest.importorskip("kafka", reason="install the group `examples`; the README's first command has it")
    folder = Folder(tmp_path / "project")
    folder.copy(*(EXAMPLES / "dags").glob("*.py"))
    found = {(Path(one["file"]).stem, one["rule"], one["message"].split()[0]) for one in folder.ask("dags", "lint")}
    assert {one for one in found if one[1] != "deprecated"} == {
        ("polling", "sleep-loop", "ExternalServiceOperator.execute()"),
        ("message_queue", "sleep-loop", "ExternalKafkaOperator.execute()"),
    }
