from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from tests.unit.runner.harness import Project, Runner, TemplateProcess
from tests.unit.runner.trigger_harness import Triggers


@pytest.fixture(scope="session")
def shared() -> Iterator[TemplateProcess]:
    """One template for all tests that only fork from it."""
    template = TemplateProcess()
    yield template
    template.stop()


class StartTemplate(Protocol):
    def __call__(self, *, preload: str = "", environment: dict[str, str] | None = None) -> TemplateProcess: ...


@pytest.fixture
def start_template() -> Iterator[StartTemplate]:
    """Starts templates with settings of one's own."""
    started: list[TemplateProcess] = []

    def start(*, preload: str = "", environment: dict[str, str] | None = None) -> TemplateProcess:
        started.append(TemplateProcess(preload=preload, environment=environment))
        return started[-1]

    yield start
    for template in started:
        template.stop()


@pytest.fixture
def template(start_template: StartTemplate) -> TemplateProcess:
    """A template of one's own."""
    return start_template()


@pytest.fixture
def worker(shared: TemplateProcess) -> Iterator[Runner]:
    runner = shared.fork("task")
    yield runner
    runner.sock.close()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def triggers(shared: TemplateProcess, project: Project) -> Iterator[Triggers]:
    runner = shared.fork("trigger")
    yield Triggers(runner, project)
    runner.sock.close()
