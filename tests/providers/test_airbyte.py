"""The package airbyte on a fake of its service, which the service's own client talks to."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bide.authoring.deferral import TaskDeferred
from bide.model.values import decode
from bide.runner.arming import wait_spec
from tests.providers.conftest import MakeFolder, cancelled_run
from tests.support.airbyte import Airbyte
from tests.support.commands import PATIENCE, DagRun, Folder
from tests.support.fake_server import Answer, FakeServer, Request

pytestmark = pytest.mark.providers

DEFERRED = "scheduled queued running deferred scheduled queued running"


@pytest.fixture(scope="module")
def airbyte() -> Iterator[Airbyte]:
    with Airbyte() as server:
        yield server


@pytest.fixture(scope="module")
def folder(make_folder: MakeFolder, airbyte: Airbyte) -> Folder:
    connection = json.dumps(airbyte.connection())
    return make_folder("airbyte_.py", AIRFLOW_CONN_AIRBYTE_DEFAULT=connection)


@pytest.fixture(scope="module")
def run(folder: Folder) -> DagRun:
    return folder.dag_run("airbyte_", code=1)


@pytest.mark.parametrize(("mode", "states"), [("blocking", "scheduled queued running"), ("deferrable", DEFERRED)])
class TestBothModes:
    def test_a_sync_is_started_and_waited_for(self, run: DagRun, mode: str, states: str) -> None:
        assert run.states(f"{mode}_success") == f"{states} success"

    def test_one_that_fails_fails_the_task(self, run: DagRun, mode: str, states: str) -> None:
        assert run.states(f"{mode}_failure") == f"{states} failed"
        assert "fail" in run.tasks[f"{mode}_failure"]["error"].lower()

    def test_one_that_is_cancelled_fails_the_task(self, run: DagRun, mode: str, states: str) -> None:
        assert run.states(f"{mode}_cancel") == f"{states} failed"
        assert "cancelled" in run.tasks[f"{mode}_cancel"]["error"]


def test_a_sensor_waits_for_a_job_of_another_task(run: DagRun) -> None:
    assert run.end("wait_poke") == "success"
    assert run.end("wait_deferrable") == "success"


def test_the_trigger_looks_until_the_job_ends(run: DagRun, airbyte: Airbyte) -> None:
    job = run.result("submit")
    assert run.states("custom") == f"{DEFERRED} success"
    assert run.result("custom") == {
        "status": "success",
        "message": f"Job run {job} has completed successfully.",
        "job_id": job,
    }
    assert airbyte.looks_at(airbyte.connections[job]) >= 5


def test_the_trigger_gives_up_at_its_end_time(run: DagRun) -> None:
    assert run.states("late") == f"{DEFERRED} failed"
    assert "has not reached a terminal status" in run.tasks["late"]["error"]


def test_a_job_that_there_is_not_is_an_event(run: DagRun) -> None:
    assert run.states("missing") == f"{DEFERRED} failed"
    assert "404" in run.tasks["missing"]["error"]


def test_an_execution_timeout_ends_the_wait(run: DagRun) -> None:
    assert run.states("timed_out") == "scheduled queued running deferred failed"


@pytest.mark.parametrize("mode", ["blocking", "deferrable"])
def test_a_sync_does_not_outlive_its_task(run: DagRun, airbyte: Airbyte, mode: str) -> None:
    deferred = " deferred" if mode == "deferrable" else ""
    assert run.states(f"too_long_{mode}") == f"scheduled queued running{deferred} failed"
    (job,) = [job for job in airbyte.cancelled if airbyte.connections[job] == f"running-{mode}"]
    assert f"on_kill: cancel the airbyte Job {job}" in run.log(f"too_long_{mode}")


def test_syncs_are_cancelled_with_the_run(folder: Folder, airbyte: Airbyte) -> None:
    connections = {"running-cancelblocking", "running-canceldeferrable"}

    def all_are_waited_for() -> bool:
        begun = {job: one for job, one in airbyte.connections.items() if one in connections}
        return len(begun) == 2 and all(airbyte.looks[f"/jobs/{job}"] >= 1 for job in begun)

    states = cancelled_run(folder, "airbyte_cancelled", all_are_waited_for, airbyte)
    assert set(states.values()) == {"failed"}
    assert connections <= {airbyte.connections[job] for job in airbyte.cancelled}


@pytest.mark.parametrize("mode", ["blocking", "deferrable"])
def test_a_job_that_fails_fails_its_sensor(run: DagRun, mode: str) -> None:
    assert run.end(f"wait_fails_{mode}") == "failed"
    assert "fail" in run.tasks[f"wait_fails_{mode}"]["error"].lower()


def test_a_sensor_gives_up(run: DagRun) -> None:
    assert run.end("wait_late") == "failed"
    assert "SensorTimeout" in run.tasks["wait_late"]["error"]


def test_the_login_goes_to_the_token_url(run: DagRun, airbyte: Airbyte) -> None:
    assert "/v1/applications/token" in airbyte.looks


def test_the_connection_can_be_tested(folder: Folder) -> None:
    assert "success" in str(folder.run("connections", "test", "airbyte_default"))


def test_each_end_and_each_error_is_one_event(airbyte: Airbyte, tmp_path: Path) -> None:
    ends = {state: airbyte.add(state) for state in ("succeeded", "failed", "cancelled", "running")}
    broken = [airbyte.add(fault) for fault in ("401", "404", "429", "500", "garbage")]
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = json.dumps({"conn_type": "airbyte", "host": f"http://127.0.0.1:{unused.getsockname()[1]}"})
        asked = [
            *((job, "airbyte_default", 0.3 if state == "running" else 60) for state, job in ends.items()),
            *((job, "airbyte_default", 60) for job in broken),
            (1, "nobody", 60),
        ]
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("airbyte_events.py")), json.dumps(asked)],
            env={
                "BIDE_HOME": str(tmp_path),
                "AIRFLOW_CONN_AIRBYTE_DEFAULT": json.dumps(airbyte.connection()),
                "AIRFLOW_CONN_NOBODY": nobody,
            },
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    events, still_running = told[: len(asked)], dict(told[len(asked) :])
    assert [len(one) for one in events] == [1] * len(asked)
    payloads = [one[0] for one in events]
    assert [one["job_id"] for one in payloads] == [job for job, _, _ in asked]
    assert [one["status"] for one in payloads[:4]] == ["success", "error", "cancelled", "error"]
    assert payloads[1]["message"] == f"Job run {ends['failed']} has failed."
    assert payloads[2]["message"] == f"Job run {ends['cancelled']} has been cancelled."
    assert "has not reached a terminal status" in payloads[3]["message"]
    assert all(one["status"] == "error" and one["message"] for one in payloads[4:])
    assert still_running == {
        "running": True,
        "pending": True,
        "incomplete": True,
        "succeeded": False,
        "failed": False,
        "cancelled": False,
    }


@pytest.mark.parametrize("kind", ["operator", "sensor"])
def test_p123_deferrable_makes_a_trigger_that_ends_when_the_timeout_is_over(
    airbyte: Airbyte, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    """P123: by the arguments that are stored for the trigger."""
    monkeypatch.setenv("BIDE_HOME", str(tmp_path))
    monkeypatch.setenv("AIRFLOW_CONN_AIRBYTE_DEFAULT", json.dumps(airbyte.connection()))
    from airflow.providers.airbyte.operators.airbyte import AirbyteTriggerSyncOperator
    from airflow.providers.airbyte.sensors.airbyte import AirbyteJobSensor

    if kind == "operator":
        task = AirbyteTriggerSyncOperator(task_id="t", connection_id="running", deferrable=True, timeout=5000)
    else:
        task = AirbyteJobSensor(task_id="t", airbyte_job_id=airbyte.add("running"), deferrable=True, timeout=5000)
    begun = time.time()
    with pytest.raises(TaskDeferred) as deferred:
        task.execute({})
    spec = wait_spec(deferred.value.trigger, "", pytest.fail)
    stored = decode(spec.kwargs)
    assert spec.classpath == "airflow.providers.airbyte.triggers.airbyte.AirbyteSyncTrigger"
    assert begun + 5000 <= stored.pop("end_time") <= time.time() + 5000
    assert stored.pop("job_id") in airbyte.connections
    assert (stored["conn_id"], stored["poll_interval"]) == ("airbyte_default", 60)


class Slow(Airbyte):
    """Answers the trigger's looks at a job when the other server was looked at five times meanwhile."""

    def __init__(self, other: FakeServer) -> None:
        super().__init__()
        self.other = other
        #: Looks of the trigger that were answered.
        self.answered = 0

    def hold(self, request: Request) -> None:
        if request.method == "GET" and self.looks[request.path] > 1:
            goal = self.other.looks["/ready"] + 5
            with self.other.news:
                self.other.news.wait_for(lambda: self.other.looks["/ready"] >= goal, PATIENCE)
                self.answered += 1


class Other(FakeServer):
    """Ready when the slow one has answered the look that blocked all, and the one after it."""

    slow: Slow

    def answer(self, request: Request) -> Answer:
        return Answer(200 if self.slow.answered >= 2 else 404, "")


def test_a_trigger_whose_requests_block_holds_up_no_other(make_folder: MakeFolder) -> None:
    with Other() as other, Slow(other) as slow:
        other.slow = slow
        slow.add("running-succeeded")
        folder = make_folder(
            "blocks.py",
            AIRFLOW_CONN_AIRBYTE_DEFAULT=json.dumps(slow.connection()),
            AIRFLOW_CONN_OTHER_API=other.url,
            BIDE__TRIGGERER__RUNNERS="1",
        )
        run = folder.dag_run("blocks")
    for task_id in ("slow", "other"):
        assert run.states(task_id) == f"{DEFERRED} success"
        assert run.tasks[task_id]["tries"] == 1
    assert "has held up the event loop" in run.log("slow")
