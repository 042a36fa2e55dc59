"""A runtime for tests of authoring code: a clock that is set by hand and XComs in a dict."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from bide.authoring.context import Context, DagRun, TaskInstance, build_context
from bide.authoring.operator import BaseOperator
from bide.authoring.runtime import XComRecord, use_runtime

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


class FakeRuntime:
    """Keeps what is pushed; `time` moves only when a test moves it."""

    def __init__(self) -> None:
        self.time = NOON
        self.settings: dict[tuple[str, str], str] = {}
        self.pushed: dict[str, Any] = {}
        #: Values by (task id, map index, key).
        self.stored: dict[tuple[str, int, str], Any] = {}
        self.asked: list[dict[str, Any]] = []

    def now(self) -> dt.datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def sleep(self, seconds: float) -> None:
        self.time += dt.timedelta(seconds=seconds)

    def setting(self, section: str, key: str) -> str | None:
        return self.settings.get((section, key))

    def push_xcom(self, key: str, value: Any) -> None:
        self.pushed[key] = value

    def pull_xcoms(
        self,
        task_ids: Sequence[str],
        key: str,
        *,
        dag_id: str | None = None,
        run_id: str | None = None,
        map_indexes: Sequence[int] | None = None,
        include_prior_dates: bool = False,
    ) -> list[XComRecord]:
        self.asked.append(
            {"task_ids": list(task_ids), "key": key, "dag_id": dag_id, "run_id": run_id, "map_indexes": map_indexes}
        )
        return [
            XComRecord(task_id, index, value)
            for asked in task_ids
            for (task_id, index, its_key), value in self.stored.items()
            if task_id == asked and its_key == key and (map_indexes is None or index in map_indexes)
        ]


@pytest.fixture
def runtime() -> Iterator[FakeRuntime]:
    fake = FakeRuntime()
    with use_runtime(fake):
        yield fake


def _context_for(task: BaseOperator, **overrides: Any) -> Context:
    instance_names = {"map_index", "try_number", "max_tries", "start_date"}
    instance = {name: overrides.pop(name) for name in list(overrides) if name in instance_names}
    arguments: dict[str, Any] = {
        "dag_id": task.dag_id,
        "run_id": "manual__2026-03-01",
        "logical_date": dt.datetime(2026, 3, 1, 5, 6, 7, tzinfo=dt.UTC),
        "run_after": NOON,
        **overrides,
    }
    run = DagRun(**arguments)
    own = TaskInstance(task=task, dag_run=run, **instance)
    return build_context(task=task, dag=task.dag, dag_run=run, task_instance=own)


@pytest.fixture
def context_for() -> Callable[..., Context]:
    """Makes the context of a task in a manual run of 1 March 2026; keywords go to the run or the instance."""
    return _context_for
