"""What an operator cancels, of which the trigger that it waits for can't."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import AsyncIterator
from functools import cached_property
from typing import Any, ClassVar

import pytest

from bide import DAG, BaseOperator, BaseTrigger, BashOperator, TriggerEvent
from bide.testing import run_dag
from bide.testing.results import RunResult

LIMIT = dt.timedelta(hours=3)


class Watch(BaseTrigger):
    """Looks at a job, and can't cancel it."""

    def __init__(self, job: int) -> None:
        super().__init__()
        self.job = job

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.{type(self).__name__}", {"job": self.job}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        await asyncio.sleep(60)
        if self.job == 1:
            yield TriggerEvent(self.job)
        await asyncio.Event().wait()


class Killable(Watch):
    async def on_kill(self) -> None:
        Submit.cancelled.append(f"by trigger: {self.job}")


class Submit(BaseOperator):
    template_fields = ("service",)
    cancelled: ClassVar[list[str]] = []

    def __init__(self, *, service: str, watch: type[Watch] = Watch, job: int = 7, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.service, self.watch, self.job = service, watch, job

    def execute(self, context: Any) -> None:
        self.job_id = self.job
        self.connection = object()
        _ = self.hook
        self.defer(trigger=self.watch(self.job_id), method_name="done")

    def done(self, context: Any, event: Any) -> Any:
        return event

    @cached_property
    def hook(self) -> object:
        return object()

    def on_kill(self) -> None:
        assert self.hook is not None
        self.log.info("cancelling for %s", self.task_id)
        self.cancelled.append(f"{self.service}: {self.job_id}")


class NeedsConnection(Submit):
    def on_kill(self) -> None:
        self.cancelled.append(f"{self.connection}")


class NotThere(Submit):
    def on_kill(self) -> None:
        self.cancelled.append(self.never_set)  # type: ignore[attr-defined]


class Broken(Submit):
    def on_kill(self) -> None:
        raise ConnectionError("the service is down")


class Shell(BashOperator):
    def execute(self, context: Any) -> None:
        self.defer(trigger=Watch(7), method_name="done")

    def done(self, context: Any, event: Any) -> None: ...


@pytest.fixture(autouse=True)
def cancelled(caplog: pytest.LogCaptureFixture) -> list[str]:
    caplog.set_level(logging.INFO)
    Submit.cancelled.clear()
    return Submit.cancelled


def timed_out(kind: type[BaseOperator] = Submit, **fields: Any) -> RunResult:
    with DAG("d") as dag:
        kind(task_id="a", **{"service": "{{ dag.dag_id }}", "execution_timeout": LIMIT, **fields})
    return run_dag(dag, raise_on_failure=False)


def test_an_operator_cancels_what_its_trigger_can_not(cancelled: list[str]) -> None:
    result = timed_out()
    assert result["a"].state == "failed"
    assert cancelled == ["d: 7"]
    assert "cancelling for a" in result["a"].log
    assert "Submit.on_kill() has returned" in result["a"].log


def test_each_instance_of_a_mapped_task_cancels_its_own(cancelled: list[str]) -> None:
    with DAG("d") as dag:
        Submit.partial(task_id="a", execution_timeout=LIMIT).expand(service=["x", "y"])
    run_dag(dag, raise_on_failure=False)
    assert sorted(cancelled) == ["x: 7", "y: 7"]


def test_one_that_goes_on_cancels_nothing(cancelled: list[str]) -> None:
    result = timed_out(job=1)
    assert (result["a"].state, result["a"].result, cancelled) == ("success", 1, [])


def test_a_trigger_that_can_cancel_does(cancelled: list[str]) -> None:
    timed_out(watch=Killable)
    assert cancelled == ["by trigger: 7"]


def test_what_could_not_be_kept_is_named(cancelled: list[str]) -> None:
    result = timed_out(NeedsConnection)
    assert "has cancelled nothing: it needs connection, which can't be kept over the wait" in result["a"].log
    assert cancelled == []


def test_what_was_never_set_is_named(cancelled: list[str]) -> None:
    assert "it needs never_set, which its task had not set" in timed_out(NotThere)["a"].log


def test_a_failure_is_told() -> None:
    assert "on_kill() failed: ConnectionError: the service is down" in timed_out(Broken)["a"].log


def test_what_stops_processes_of_the_worker_is_not_called() -> None:
    with DAG("d") as dag:
        Shell(task_id="a", bash_command="true", execution_timeout=LIMIT)
    result = run_dag(dag, raise_on_failure=False)
    assert result["a"].state == "failed"
    assert "on_kill" not in result["a"].log
