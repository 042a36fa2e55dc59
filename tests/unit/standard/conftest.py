"""A runtime, and contexts, to run operators by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from bide.authoring.context import Context, DagRun, TaskInstance
from bide.authoring.operator import BaseOperator
from bide.authoring.runtime import XComRecord, use_runtime

START = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)


class FakeRuntime:
    """Time and settings as a test wants them."""

    def __init__(self) -> None:
        self.moment = START
        self.settings: dict[tuple[str, str], str] = {}
        self.task_state: dict[tuple[str, str], Any] = {}

    def now(self) -> dt.datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()

    def sleep(self, seconds: float) -> None:
        self.moment += dt.timedelta(seconds=seconds)

    def setting(self, section: str, key: str) -> str | None:
        return self.settings.get((section, key))

    def push_xcom(self, key: str, value: Any) -> None:
        raise AssertionError("nothing here pushes")

    def pull_xcoms(self, task_ids: Sequence[str], key: str, **options: Any) -> list[XComRecord]:
        raise AssertionError("nothing here pulls")

    def get_task_state(self, kind: str, key: str, default: Any = None) -> Any:
        return self.task_state.get((kind, key), default)

    def set_task_state(self, kind: str, key: str, value: Any) -> None:
        self.task_state[kind, key] = value

    def delete_task_state(self, kind: str, key: str | None) -> None:
        self.task_state = {names: value for names, value in self.task_state.items() if names != (kind, key)}


@pytest.fixture
def runtime() -> Iterator[FakeRuntime]:
    fake = FakeRuntime()
    with use_runtime(fake):
        yield fake


@pytest.fixture
def context_of() -> Callable[..., Context]:
    """Makes the context of a task: ``context_of(operator, try_number=2)``."""

    def make(task: BaseOperator, *, run: DagRun | None = None, **options: Any) -> Context:
        run = run or DagRun(dag_id="d", run_id="manual__1", run_after=START)
        options = {"id": "0198-1", "start_date": START, **options}
        instance = TaskInstance(task=task, dag_run=run, **options)
        return Context({"ti": instance, "task_instance": instance, "dag_run": run, "ts": START.isoformat()})

    return make
