"""Projects, and scenarios that run beside each other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.bide_process import Project
from tests.faults.run_history import Line, Snapshot

#: Scenarios at once. They wait for each other's processor time, but not for their own deaths and starts.
_AT_ONCE = 3


@dataclass(frozen=True)
class Outcome:
    """What a fault did to ``bide run``, and what ``--resume`` made of it."""

    project: Project
    #: Exit code of the first engine, negative for a signal.
    code: int
    before: Snapshot
    ledger_before: list[Line]
    #: Processes of the first engine that outlived it; nobody sees to that if the template died, too.
    leftovers: list[int]
    #: Exit code of ``--resume``; None if the first engine came to the run's end.
    resumed: int | None


@pytest.fixture
def project(tmp_path: Path, empty_store_file: Path) -> Project:
    """A project of its own."""
    return Project(tmp_path / "project", empty_store_file)


@pytest.fixture(scope="session")
def play(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, empty_store_file: Path
) -> Iterator[Callable[[str], Outcome]]:
    """Run the DAG with a fault and resume it if need be. Those of all tests chosen begin at the first question."""

    def scenario(fault: str) -> Outcome:
        folder = tmp_path_factory.mktemp(fault.replace(":", "-").replace(".", "-"))
        project = Project(folder / "project", empty_store_file)
        code = project.run_dag(fault=fault)
        before, ledger = project.snapshot(), project.ledger()
        leftovers = [] if "kill-all" in fault else project.lasting_processes()
        return Outcome(project, code, before, ledger, leftovers, None if code == 0 else project.resume())

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        started: dict[str, Future[Outcome]] = {}

        def outcome(fault: str) -> Outcome:
            if not started and "PYTEST_XDIST_WORKER" not in os.environ:
                started.update((other, pool.submit(scenario, other)) for other in _chosen(request))
            if fault not in started:
                started[fault] = pool.submit(scenario, fault)
            return started[fault].result()

        yield outcome
        pool.shutdown(cancel_futures=True)


def _chosen(request: pytest.FixtureRequest) -> list[str]:
    """The faults of all tests of this session."""
    specs = (getattr(item, "callspec", None) for item in request.session.items)
    return list(
        dict.fromkeys(spec.params["fault"] for spec in specs if spec is not None and "fault" in spec.params)
    )
