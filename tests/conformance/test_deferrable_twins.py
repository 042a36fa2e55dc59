"""K17: an operator that can wait in a worker and by deferral does the same in both ways."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bide import DAG, BaseOperator, DateTimeSensor, FileSensor, TimeDeltaSensor, task, wait
from bide.standard.operators.http_job import HttpJobOperator
from bide.standard.sensors.time import TimeSensor
from bide.testing import RunResult, SkippingClock, run_dag

BEGIN = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
#: Ways to wait, by what is given to the operator.
WAYS: dict[str, dict[str, Any]] = {
    "poke": {"deferrable": False, "mode": "poke"},
    "reschedule": {"deferrable": False, "mode": "reschedule"},
    "deferrable": {"deferrable": True},
}
Make = Callable[..., BaseOperator]


def ran(make: Callable[[], BaseOperator], clock: SkippingClock | None = None) -> RunResult:
    """A run of the operator and of a task behind it."""
    with DAG("twins") as dag:

        @task(trigger_rule="all_done")
        def behind(ti: Any = None) -> Any:
            return ti.xcom_pull(task_ids="twin")

        make() >> behind()
    return run_dag(dag, clock=clock or SkippingClock(BEGIN), raise_on_failure=False)


def outcome(result: RunResult) -> dict[str, Any]:
    """What a person, or what comes behind, can tell of the task."""
    twin = result["twin"]
    return {
        "state": twin.state,
        "tries": twin.tries,
        "xcom": twin.xcom,
        "behind": result["behind"].result,
        "run": result.state,
        "minutes": round((twin.end_date - BEGIN).total_seconds() / 60) if twin.end_date else None,
    }


def was_deferred(result: RunResult) -> bool:
    return "deferred" in result["twin"].states


#: Seconds between looks.
LOOKS = 900


def file_that_comes(folder: Path, **way: Any) -> BaseOperator:
    @task
    def bring() -> None:
        wait(timedelta(minutes=10))
        (folder / "late").touch()

    bring()
    return FileSensor(task_id="twin", filepath=str(folder / "late"), poke_interval=LOOKS, **way)


def file_that_is_there(folder: Path, **way: Any) -> BaseOperator:
    (folder / "there").touch()
    return FileSensor(task_id="twin", filepath=str(folder / "there"), **way)


def no_file(folder: Path, **way: Any) -> BaseOperator:
    return FileSensor(task_id="twin", filepath=str(folder / "none"), timeout=600, poke_interval=LOOKS, **way)


def span(folder: Path, **way: Any) -> BaseOperator:
    return TimeDeltaSensor(task_id="twin", delta=timedelta(hours=3), poke_interval=LOOKS, **way)


def moment(folder: Path, **way: Any) -> BaseOperator:
    return DateTimeSensor(task_id="twin", target_time="2026-03-02T15:30:00Z", poke_interval=LOOKS, **way)


def past_moment(folder: Path, **way: Any) -> BaseOperator:
    return DateTimeSensor(task_id="twin", target_time="2026-03-01T00:00:00Z", **way)


def moment_too_far(folder: Path, **way: Any) -> BaseOperator:
    return DateTimeSensor(task_id="twin", target_time="2026-03-09", timeout=600, poke_interval=LOOKS, **way)


def time_of_day(folder: Path, **way: Any) -> BaseOperator:
    return TimeSensor(task_id="twin", target_time=datetime(2000, 1, 1, 13, 15).time(), poke_interval=LOOKS, **way)


ENDS = {
    file_that_comes: "success",
    file_that_is_there: "success",
    no_file: "failed",
    span: "success",
    moment: "success",
    past_moment: "success",
    moment_too_far: "failed",
    time_of_day: "success",
}
#: What may be asked for on top.
EXTRAS: dict[str, dict[str, Any]] = {
    "plain": {},
    "soft_fail": {"soft_fail": True},
    "never_fail": {"never_fail": True},
    "retries": {"retries": 2, "retry_delay": timedelta(minutes=5)},
    "execution_timeout": {"execution_timeout": timedelta(minutes=5)},
}


CASES = [(make, "plain") for make in ENDS]
CASES += [(make, extra) for make in (no_file, moment_too_far, span) for extra in EXTRAS if extra != "plain"]


@pytest.mark.parametrize(("make", "extra"), CASES, ids=[f"{make.__name__}-{extra}" for make, extra in CASES])
def test_k17_a_sensor_ends_the_same_in_every_way_to_wait(make: Make, extra: str, tmp_path: Path) -> None:
    """K17: the same state, tries, XComs and moment, with soft_fail, retries and time limits, too."""
    ways = dict(WAYS)
    if extra == "execution_timeout":
        # There it is a limit for each look, in Airflow too.
        del ways["reschedule"]
    found: dict[str, dict[str, Any]] = {}
    for name, way in ways.items():
        folder = tmp_path / name
        folder.mkdir()
        result = ran(lambda folder=folder, way=way: make(folder, **way, **EXTRAS[extra]))
        found[name] = outcome(result)
        waits = make not in (file_that_is_there, past_moment)
        assert was_deferred(result) is (waits and name == "deferrable"), name
    assert found["deferrable"] == found["poke"]
    assert found.get("reschedule", found["poke"]) == found["poke"]
    if extra == "plain":
        assert found["poke"]["state"] == ENDS[make]


class JobService:
    """Does jobs over HTTP: each one is looked at twice before it has ended as `ends` says."""

    def __init__(self) -> None:
        self.ends: dict[str, Any] = {}
        self.submitted: list[str] = []
        self.cancelled = 0
        self._looks = 0
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                service.submitted.append(self.headers["Idempotency-Key"])
                service._looks = 0
                self._answer({"status_url": "/jobs/1", "state": "queued"})

            def do_GET(self) -> None:
                service._looks += 1
                self._answer(service.ends if service._looks > 2 else {"state": "running"})

            def do_DELETE(self) -> None:
                service.cancelled += 1
                self._answer({})

            def _answer(self, body: dict[str, Any]) -> None:
                data = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jobs"


@pytest.fixture
def service() -> Iterator[JobService]:
    made = JobService()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


JOBS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "success": ({"state": "succeeded", "result": {"rows": 3}}, {}),
    "failure": ({"state": "failed", "error": "disk full"}, {}),
    "cancelled is no success": ({"state": "cancelled"}, {}),
    "failure with retries": ({"state": "failed"}, {"retries": 2, "retry_delay": timedelta(0)}),
    "timeout": ({"state": "running"}, {"timeout": timedelta(seconds=2)}),
    "execution_timeout": ({"state": "running"}, {"execution_timeout": timedelta(seconds=2)}),
}


@pytest.mark.parametrize("case", JOBS)
def test_k17_a_job_ends_the_same_in_both_ways_to_wait(case: str, service: JobService) -> None:
    """K17: the same state, tries, result, error, submissions and cancels; a cancelled job is no success."""
    service.ends, options = JOBS[case]
    found: list[Any] = []
    for deferrable in (False, True):
        service.submitted, service.cancelled = [], 0
        result = ran(
            lambda deferrable=deferrable: HttpJobOperator(
                task_id="twin", endpoint=service.url, poll_interval=0.05, deferrable=deferrable, **options
            )
        )
        assert was_deferred(result) is deferrable
        ended = outcome(result)
        del ended["minutes"]
        found.append((ended, len(service.submitted), service.cancelled, "disk full" in result["twin"].error))
    assert found[0] == found[1]
    assert (found[0][0]["state"] == "success") is (case == "success")
    assert (found[0][2] > 0) is ("timeout" in case)
