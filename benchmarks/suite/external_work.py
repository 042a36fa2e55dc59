"""Work in another service, waited for in three ways, each as for Airflow and in Bide's own.

The DAG files are those of examples/external_work, and so is the service, whose jobs take 10 to 15 s. Twenty of them
are started at once. Of each is measured

* the latency: from the job's end, by the service's clock, to the end of the task that stands for it;
* slot time: seconds for which its tasks were running, by the history of their states: that long a worker was taken;
* requests for it that the service was sent (of the queue, which carries messages instead, there are none).

Polling looks once a second, as for Airflow and in Bide (`steady`), and in Bide also with its back-off: after 1 s,
1.5 s, 2.25 s and so on.
"""

from __future__ import annotations

import shutil
import socket
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import httpx
from tests.support.servers import serving

from benchmarks.figures import Figures, Target
from benchmarks.suite.scale import Scale
from benchmarks.systems.bide import Bide
from benchmarks.systems.contract import BenchmarkError

NAME: Final = "external"
_EXAMPLES: Final = Path(__file__).parents[2] / "examples/external_work/dags"
#: How each is called in the table, and its DAG.
_WAYS: Final = {
    "polling, as for Airflow": "polling_as_in_airflow",
    "polling, steady": "polling_steady",
    "polling, back-off": "polling",
    "callback, as for Airflow": "callback_as_in_airflow",
    "callback": "callback",
    "queue, as for Airflow": "queue_as_in_airflow",
    "queue": "queue",
}
#: Those of which no worker should be taken while the job runs.
_DEFERRED: Final = ("polling_steady", "polling", "callback", "queue")
_EVENTS: Final = (
    "SELECT i.task_id, i.map_index, e.state, e.at FROM task_event e"
    " JOIN task_instance i ON i.uid = e.instance_uid JOIN dag_run r ON r.uid = i.run_uid"
    " WHERE r.run_id = ? AND i.task_id IN ('start', 'job') AND i.map_index >= 0 ORDER BY e.id"
)


def measure(system: Bide, scale: Scale) -> Figures:
    """Latencies, slot time and requests of each way."""
    figures = Figures(NAME)
    jobs, seconds = (3, "1") if scale.quick else (20, "10")
    spread = "0" if scale.quick else "5"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    arguments = ("--seconds", seconds, "--spread", spread, "--kafka")
    with serving("examples.external_work.service", *arguments) as (service, brokers):
        system.prepare()
        system.install("hello", "steady")
        for file in _EXAMPLES.glob("*.py"):
            shutil.copy(file, system.dags_folder)
        places = {"JOB_SERVICE": service, "JOB_BROKERS": brokers, "JOB_RELAY": f"http://127.0.0.1:{port}"}
        with system.restart(**places):
            api = ("--api", f"http://127.0.0.1:{system.port}", "--password-file", f"{system.state_folder}/password")
            with serving("examples.external_work.relay", *api, "--port", port):
                system.complete("hello")
                for name, dag_id in _WAYS.items():
                    _measure(figures, system, name, dag_id, service, jobs)
    return figures


def _measure(figures: Figures, system: Bide, name: str, dag_id: str, service: str, jobs: int) -> None:
    system.await_dag(dag_id)
    before = _told(service)["requests"]
    run_id = system.trigger(dag_id, {"jobs": jobs})
    run = system.await_run(dag_id, run_id, every=0.5)
    if run.state != "success":
        raise BenchmarkError(f"{system.name}: run {run_id} of {dag_id} is {run.state}")
    told = _told(service)
    taken, ended = _history(system.database, run_id)
    latencies = [ended[number] - told["ended"][f"report-{dag_id}-{number}"] for number in range(jobs)]
    held = [taken[number] for number in range(jobs)]
    deferred = dag_id in _DEFERRED
    figures.add(f"{name}: latency", "s", latencies)
    figures.add(f"{name}: slot time", "s", held, *([Target("median", "<=", 0.5)] if deferred else []))
    figures.add(f"{name}: requests for each job", "1", [(told["requests"] - before) / jobs])


def _told(service: str) -> dict[str, Any]:
    return httpx.get(f"{service}/ended", trust_env=False).json()


def _history(database: Path, run_id: str) -> tuple[dict[int, float], dict[int, float]]:
    """By map index: the seconds for which tasks were running, and when the one that stands for the job ended."""
    taken: dict[int, float] = defaultdict(float)
    ended: dict[int, float] = {}
    began: dict[tuple[str, int], float] = {}
    for task_id, number, state, moment in _events(database, run_id):
        if (task_id, number) in began:
            taken[number] += moment - began.pop((task_id, number))
        if state == "running":
            began[task_id, number] = moment
        elif state == "success" and task_id == "job":
            ended[number] = moment
    return taken, ended


def _events(database: Path, run_id: str) -> Iterator[tuple[str, int, str, float]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as connection:
        for task_id, number, state, at in connection.execute(_EVENTS, (run_id,)):
            yield task_id, number, state, datetime.fromisoformat(at).timestamp()
