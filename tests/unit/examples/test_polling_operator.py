"""The operator that asks again and again, as people write it for Airflow: how it ends by what the service says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.fake_server import Answer, FakeServer, Request

from bide import DAG
from bide.testing import run_dag


class Service(FakeServer):
    """Says to a POST `started`, and to the GETs that follow `looks`, one after the other."""

    def __init__(self, started: Answer, *looks: Answer) -> None:
        super().__init__()
        self.started = started
        self.looks_to_come = list(looks)

    def answer(self, request: Request) -> Answer:
        return self.started if request.method == "POST" else self.looks_to_come.pop(0)


def status(text: str) -> Answer:
    return Answer(200, {"status": text})


@pytest.fixture
def operator(examples: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    pytest.importorskip("requests")
    monkeypatch.syspath_prepend(str(examples / "external_work" / "dags"))
    import polling  # pyright: ignore[reportMissingImports]

    yield polling.ExternalServiceOperator
    for name in ("polling", "jobs_to_do"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("answers", "state", "said"),
    [
        ([status("started"), status("running"), status("queued"), status("completed")], "success", None),
        ([status("started"), status("running"), status("failed")], "failed", "job j1 has failed"),
        ([Answer(503, "busy")], "failed", "could not be started: the service answers 503"),
        ([Answer(201, {})], "failed", "could not be started: the service answers 201"),
        ([status("started"), status("running"), Answer(500, "oops")], "failed", "500 Server Error"),
        ([status("started"), Answer(404, "who?")], "failed", "404 Client Error"),
        ([status("started"), Answer(200, "no JSON")], "failed", "JSONDecodeError"),
    ],
)
def test_p110_how_it_ends(operator: Any, answers: list[Answer], state: str, said: str | None) -> None:
    """P110, P113: every answer but 200 to the POST fails it, as does any error of a look."""
    with Service(*answers) as service:
        with DAG("d") as dag:
            operator(task_id="job", external_service_url=service.url, job_id="j1", poll_interval=0, owner="team")
        result = run_dag(dag, raise_on_failure=False)
        assert result["job"].state == state
        assert dag.get_task("job").owner == "team"
        if said is not None:
            assert said in result["job"].log
        assert [request.method for request in service.requests] == ["POST", *["GET"] * (len(answers) - 1)]
        assert {request.path for request in service.requests} == {"/jobs/j1"}


def test_p110_a_service_that_is_gone_fails_it_and_a_retry_starts_the_job_anew(operator: Any) -> None:
    with Service(status("started"), Answer(502, ""), status("completed")) as service:
        with DAG("d", default_args={"retries": 1, "retry_delay": 0.01}) as dag:
            operator(task_id="job", external_service_url=service.url, job_id="j1", poll_interval=0)
        result = run_dag(dag)
        assert result["job"].state == "success"
        assert [request.method for request in service.requests] == ["POST", "GET", "POST", "GET"]
    with DAG("gone") as dag:
        operator(task_id="job", external_service_url="http://127.0.0.1:1", job_id="j1", poll_interval=0)
    result = run_dag(dag, raise_on_failure=False)
    assert result["job"].state == "failed" and "Connection refused" in result["job"].log
