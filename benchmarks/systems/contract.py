"""A system under measurement: started with some DAG files, then driven through its REST API.

Bide's API has Airflow's paths, so both are driven by the same code; they differ in how they are started and
how one logs in.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import httpx
import psutil

from benchmarks import processes

FOLDER: Final = Path(__file__).resolve().parent.parent
#: Rows that one request for a list asks for.
_PAGE: Final = 1000
_ENDED: Final = frozenset({"success", "failed"})

T = TypeVar("T")


class BenchmarkError(Exception):
    """The system did not do what a benchmark needs."""


@dataclass(frozen=True)
class Run:
    """A DAG run: its state, and when it began and ended (Unix seconds)."""

    run_id: str
    state: str
    begun: float | None
    ended: float | None


@dataclass(frozen=True)
class Instance:
    """A task instance: its state, and when it ended (Unix seconds)."""

    task_id: str
    state: str | None
    ended: float | None


def wait_until(look: Callable[[], T | None], *, what: str, patience: float, every: float = 0.02) -> T:
    """The first true answer of `look`; raises :class:`BenchmarkError` after `patience` seconds without one."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if answer := look():
            return answer
        time.sleep(every)
    raise BenchmarkError(f"{what}: not within {patience:.0f} s")


class System(ABC):
    """One system, in a folder of its own. A context manager that stops what it has started."""

    #: How it is called in tables.
    name: str
    #: Whether it takes so long that benchmarks make fewer repetitions.
    slow: bool = False

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = 0
        self.processes: list[psutil.Popen] = []
        self._client = httpx.Client(timeout=60, trust_env=False)

    # --- what each system does in its own way ---

    @abstractmethod
    def prepare(self) -> None:
        """Make an empty home and database."""

    @abstractmethod
    def launch(self, settings: Mapping[str, str]) -> None:
        """Start all processes; returns at once. `settings` are extra environment variables."""

    @abstractmethod
    def token(self) -> str | None:
        """A bearer token, or None as long as the API does not answer."""

    # --- starting and stopping ---

    def start(self, *dags: str, **settings: str) -> Self:
        """Start with the DAG files `dags` (names without .py) in a fresh home; returns once the API answers."""
        self.prepare()
        self.install(*dags)
        return self.restart(**settings)

    def install(self, *dags: str) -> None:
        """Put DAG files into the home's folder."""
        self.dags_folder.mkdir(parents=True, exist_ok=True)
        for name in dags:
            shutil.copy(FOLDER / "dags" / f"{name}.py", self.dags_folder)

    def restart(self, **settings: str) -> Self:
        """Start on the home as it is."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.launch(settings)
        self.log_in()
        return self

    def log_in(self) -> None:
        """Wait until the API gives a token."""
        token = wait_until(self._try_token, what=f"{self.name}: login", patience=180)
        self._client.headers["Authorization"] = f"Bearer {token}"

    def _try_token(self) -> str | None:
        for process in self.processes:
            if process.poll() is not None:
                raise BenchmarkError(
                    f"{self.name}: {process.args} ended with {process.returncode}; see {self.home}"
                )
        try:
            return self.token()
        except httpx.TransportError:
            return None

    def stop(self) -> None:
        """Stop everything."""
        processes.stop(self.processes)
        self.processes.clear()
        self._client.headers.pop("Authorization", None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def spawn(self, name: str, command: list[str], environment: Mapping[str, str]) -> None:
        """Start one process whose output goes to ``NAME.out`` in the home."""
        with (self.home / f"{name}.out").open("ab") as output:
            self.processes.append(
                psutil.Popen(
                    command,
                    cwd=self.home,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )

    def environment(self) -> dict[str, str]:
        """What all processes of any system are started with."""
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "AIRFLOW", "BIDE"))
        }
        return {
            **kept,
            "PYTHONPATH": str(FOLDER / "lib"),
            "BENCH_MARKS": str(self.marks_file),
            "NO_PROXY": "*",
            "no_proxy": "*",
        }

    # --- places ---

    @property
    def dags_folder(self) -> Path:
        """Where its DAG files lie."""
        return self.home / "dags"

    @property
    def marks_file(self) -> Path:
        """Where tasks note moments."""
        return self.home / "marks.jsonl"

    @property
    def roots(self) -> list[int]:
        """Process ids of what was started."""
        return [process.pid for process in self.processes]

    def take_marks(self, kind: str) -> list[dict[str, Any]]:
        """The moments of one kind that were noted since the last call; forgets all."""
        if not self.marks_file.exists():
            return []
        lines = self.marks_file.read_text().splitlines()
        self.marks_file.unlink()
        return [row for row in map(json.loads, lines) if row["kind"] == kind]

    # --- REST ---

    def request(self, method: str, path: str, **rest: Any) -> httpx.Response:
        """Any request; `path` begins with a slash."""
        return self._client.request(method, f"http://127.0.0.1:{self.port}{path}", **rest)

    def _get(self, path: str, **query: Any) -> dict[str, Any]:
        response = self.request("GET", path, params=query)
        if response.status_code != 200:
            raise BenchmarkError(f"{self.name}: GET {path} gave {response.status_code}: {response.text[:300]}")
        return response.json()

    def await_dag(self, dag_id: str) -> None:
        """Wait until `dag_id` is known."""

        def look() -> bool:
            return self.request("GET", f"/api/v2/dags/{dag_id}").status_code == 200

        wait_until(look, what=f"{self.name}: DAG {dag_id}", patience=180)

    def try_trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> str | None:
        """Make a run; its id, or None if it was refused."""
        body = {"logical_date": None, "conf": dict(conf or {})}
        response = self.request("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)
        return response.json()["dag_run_id"] if response.status_code in {200, 201} else None

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> str:
        """Make a run of a DAG that is known; its id."""
        run_id = self.try_trigger(dag_id, conf)
        if run_id is None:
            raise BenchmarkError(f"{self.name}: a run of {dag_id} was refused")
        return run_id

    def run(self, dag_id: str, run_id: str) -> Run:
        """How a run is."""
        row = self._get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")
        return Run(run_id, row["state"], _seconds(row["start_date"]), _seconds(row["end_date"]))

    def await_marks(self, dag_id: str, run_id: str, count: int) -> None:
        """Wait until so many moments were noted, or the run has ended without them.

        Looking at a file takes nothing from the system that is measured, as asking it would.
        """
        asked = time.monotonic()
        while count and (not self.marks_file.exists() or self.marks_file.read_bytes().count(b"\n") < count):
            time.sleep(0.005)
            if time.monotonic() - asked > 2:
                if self.run(dag_id, run_id).state in _ENDED:
                    return
                asked = time.monotonic()

    def await_run(self, dag_id: str, run_id: str, *, patience: float = 600, every: float = 0.02) -> Run:
        """Wait until a run has ended."""

        def look() -> Run | None:
            run = self.run(dag_id, run_id)
            return run if run.state in _ENDED else None

        return wait_until(look, what=f"{self.name}: end of run {run_id}", patience=patience, every=every)

    def complete(self, dag_id: str, *, marks: int = 0, patience: float = 600, every: float = 0.02) -> Run:
        """Make a run and wait for its end; raises :class:`BenchmarkError` unless it is a success.

        The API is not asked before the run's tasks have noted as many moments as `marks`.
        """
        run_id = self.trigger(dag_id)
        self.await_marks(dag_id, run_id, marks)
        run = self.await_run(dag_id, run_id, patience=patience, every=every)
        if run.state != "success":
            raise BenchmarkError(f"{self.name}: run {run.run_id} of {dag_id} is {run.state}")
        return run

    def instances(self, dag_id: str, run_id: str) -> list[Instance]:
        """All task instances of a run."""
        found: list[Instance] = []
        while True:
            path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
            page = self._get(path, limit=_PAGE, offset=len(found))
            rows = page["task_instances"]
            found += [Instance(row["task_id"], row["state"], _seconds(row["end_date"])) for row in rows]
            if not rows or len(found) >= page["total_entries"]:
                return found

    def count(self, dag_id: str, run_id: str, state: str) -> int:
        """How many task instances of a run are in `state`."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        return self._get(path, limit=1, state=state)["total_entries"]


def _seconds(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()
