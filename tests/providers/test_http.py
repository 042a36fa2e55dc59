"""The package http against a real server."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.providers.conftest import ON_BOTH_STORES, MakeFolder, kept
from tests.support.commands import PATIENCE, DagRun, Folder
from tests.support.fake_server import Answer, FakeServer, Request

pytestmark = [pytest.mark.providers, ON_BOTH_STORES]

BLOCKING = "scheduled queued running"
DEFERRED = "scheduled queued running deferred scheduled queued running"


class Api(FakeServer):
    """Answers as the service of the DAG file does; what is waited for is there at the third look."""

    def __init__(self) -> None:
        super().__init__()
        self.over = threading.Event()

    def hold(self, request: Request) -> None:
        if request.path == "/slow":
            self.over.wait(PATIENCE)

    def __exit__(self, *error: object) -> None:
        self.over.set()
        super().__exit__(*error)

    def answer(self, request: Request) -> Answer:
        path = request.path
        if path == "/numbers":
            return Answer(200, {"numbers": [1, 2], **request.query})
        if path.startswith("/health/"):
            return Answer(200 if self.looks[path] >= 3 else 404, "")
        if path.startswith("/state/"):
            return Answer(200, {"status": "ok" if self.looks[path] >= 3 else "starting"})
        if path == "/training/start":
            return Answer(200, {"status": "started"})
        if path == "/training/refused":
            return Answer(200, {"status": "refused"})
        return Answer(404, "nothing here")


@pytest.fixture(scope="module")
def api(store: str) -> Iterator[Api]:
    """One for each store."""
    with Api() as server:
        yield server


@pytest.fixture(scope="module")
def folder(make_folder: MakeFolder, api: Api) -> Folder:
    return make_folder("http_.py", "simple_http.py", AIRFLOW_CONN_MY_API=api.url)


@pytest.fixture(scope="module")
def run(folder: Folder) -> DagRun:
    return folder.dag_run("http_", "--logical-date", "2024-05-06", code=1)


@pytest.mark.parametrize(("mode", "states"), [("blocking", BLOCKING), ("deferrable", DEFERRED)])
class TestBothModes:
    def test_a_request_gives_its_result(self, run: DagRun, api: Api, mode: str, states: str) -> None:
        assert run.states(f"get_{mode}") == f"{states} success"
        assert run.result(f"get_{mode}") == {"numbers": [1, 2], "day": "2024-05-06"}

    def test_templates_reach_the_body(self, run: DagRun, api: Api, mode: str, states: str) -> None:
        assert run.states(f"post_{mode}") == f"{states} success"
        sent = [one.json for one in api.requests if one.path == "/training/start"]
        assert {"run_date": "2024-05-06", "model": "orders_forecast"} in sent

    def test_an_answer_that_does_not_pass_the_check_fails(self, run: DagRun, mode: str, states: str) -> None:
        assert run.states(f"refused_{mode}") == f"{states} failed"
        assert "Response check returned False" in run.log(f"refused_{mode}")

    def test_an_error_of_the_server_fails(self, run: DagRun, mode: str, states: str) -> None:
        assert run.end(f"missing_{mode}") == "failed"
        assert "404" in run.log(f"missing_{mode}")

    def test_a_sensor_waits(self, run: DagRun, api: Api, mode: str, states: str) -> None:
        assert run.states(f"ready_{mode}") == f"{states} success"
        assert api.looks[f"/health/{mode}"] >= 3


@pytest.fixture(scope="module")
def late(folder: Folder) -> DagRun:
    return folder.dag_run("http_late", code=1)


@pytest.mark.parametrize("mode", ["blocking", "deferrable"])
class TestTimeLimits:
    def test_a_sensor_gives_up(self, late: DagRun, mode: str) -> None:
        assert late.end(f"late_{mode}") == "failed"

    def test_a_request_is_given_up(self, late: DagRun, mode: str) -> None:
        deferred = " deferred" if mode == "deferrable" else ""
        assert late.states(f"slow_{mode}") == f"{BLOCKING}{deferred} failed"
        assert "execution_timeout" in late.tasks[f"slow_{mode}"]["error"]


def test_headers_of_a_trigger_are_sealed(run: DagRun, folder: Folder, api: Api) -> None:
    sent = [one.headers.get("Authorization") for one in api.requests if one.path == "/numbers"]
    assert sent == ["Bearer a-token-for-2024-05-06"] * 2
    assert kept(folder, "a-token-for-2024") == []


def test_a_sensor_gives_its_worker_back_between_looks(run: DagRun) -> None:
    assert "up_for_reschedule" in run.states("ready_reschedule")
    assert run.end("ready_reschedule") == "success"


def test_simple_http_operator_is_its_successor(folder: Folder, api: Api) -> None:
    run = folder.dag_run("simple_http", "--logical-date", "2024-05-07")
    assert run.result("trigger_ml_training") == '{"status": "started"}'
    assert {"run_date": "2024-05-07", "model": "orders_forecast"} in [
        one.json for one in api.requests if one.path == "/training/start"
    ]
    assert (
        "use airflow.providers.http.operators.http.HttpOperator [deprecated]" in folder.run("dags", "lint").stdout
    )


def test_all_of_it_runs_in_one_process(folder: Folder, api: Api) -> None:
    api.looks.clear()
    run = {one["task_id"]: one for one in folder.ask("dags", "test", "http_", "2024-05-08", code=1)["tasks"]}
    for mode in ("blocking", "deferrable"):
        ends = [run[f"{name}_{mode}"]["state"] for name in ("get", "post", "ready", "refused", "missing")]
        assert ends == ["success", "success", "success", "failed", "failed"]
