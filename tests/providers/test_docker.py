"""The package docker on podman, which speaks Docker's API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.providers.conftest import MakeFolder, cancelled_run
from tests.support.commands import DagRun, Folder
from tests.support.podman import docker_socket

pytestmark = pytest.mark.docker

DAY = "2024-05-06"


@pytest.fixture(scope="module")
def socket() -> Iterator[Path]:
    with docker_socket() as path:
        yield path


@pytest.fixture(scope="module")
def folder(make_folder: MakeFolder, socket: Path, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    data = tmp_path_factory.mktemp("data")
    (data / "orders.csv").write_text("41,1\n")
    return make_folder(
        "docker_.py",
        AIRFLOW_VAR_DOCKER_URL=f"unix://{socket}",
        AIRFLOW_VAR_DATA=str(data),
        AIRFLOW_VAR_AWS_KEY="AKIATESTS",
    )


@pytest.fixture(scope="module")
def run(folder: Folder) -> DagRun:
    return folder.dag_run("docker_", "--logical-date", DAY, code=1)


@pytest.fixture
def client(socket: Path) -> Iterator[Any]:
    import docker

    opened = docker.DockerClient(f"unix://{socket}")
    yield opened
    opened.close()


def test_a_container_sees_its_mounts_and_variables(run: DagRun) -> None:
    assert run.end("run_etl_container") == "success"
    log = run.log("run_etl_container")
    assert "41,1" in log
    assert f"{DAY} {DAY}" in log
    assert run.result("run_etl_container") == f"{DAY} {DAY}"


def test_a_container_that_fails_fails_its_task(run: DagRun) -> None:
    assert run.end("fails") == "failed"
    assert "no good" in run.log("fails")


def test_a_container_is_stopped_with_its_task_and_none_is_left(run: DagRun, client: Any) -> None:
    assert run.end("timed_out") == "failed"
    assert client.containers.list(all=True) == []


def test_a_container_is_stopped_with_the_run(folder: Folder, client: Any) -> None:
    states = cancelled_run(folder, "docker_cancelled", lambda: bool(client.containers.list()))
    assert states == {"goes_on": "failed"}
    assert client.containers.list(all=True) == []
