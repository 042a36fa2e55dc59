"""run_dag calls callbacks at every ending, in the thread of the test."""

from __future__ import annotations

import datetime as dt
import getpass
import os
import socket
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bide import DAG, BaseOperator, BaseTrigger, TaskSkippedEvent, TaskSuccessEvent, TriggerEvent, task
from bide.testing import run_dag


class Ends(BaseTrigger):
    """Ends its task in one of the ways that there are."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.Ends", {"how": self.how}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        if self.how == "raises":
            raise ConnectionError("gone")
        yield {"success": TaskSuccessEvent, "skipped": TaskSkippedEvent}[self.how]()


class Waits(BaseOperator):
    """Never goes back to a worker."""

    def __init__(self, how: str, **options: Any) -> None:
        super().__init__(**options)
        self.how = how

    def execute(self, context: Any) -> None:
        self.defer(trigger=Ends(self.how))


Called = list[tuple[str, str, str, int, bool]]


@pytest.fixture
def called() -> Called:
    return []


def noting(called: Called, event: str) -> Any:
    def callback(context: Any) -> None:
        ti = context["ti"]
        on_main = threading.current_thread() is threading.main_thread()
        called.append((event, ti.task_id, type(context["exception"]).__name__, ti.try_number, on_main))

    return callback


def callbacks(called: Called) -> dict[str, Any]:
    events = ("success", "failure", "retry", "skipped")
    return {f"on_{event}_callback": noting(called, event) for event in events}


@pytest.mark.parametrize(("how", "event"), [("success", "success"), ("skipped", "skipped")])
def test_what_a_trigger_ends_is_told(called: Called, how: str, event: str) -> None:
    with DAG("d") as dag:
        Waits(task_id="w", how=how, **callbacks(called))
    run_dag(dag)
    assert called == [(event, "w", "NoneType", 1, True)]


def test_retries_are_told_before_the_next_try(called: Called) -> None:
    with DAG("d", on_failure_callback=noting(called, "dag")) as dag:
        Waits(task_id="w", how="raises", retries=1, retry_delay=dt.timedelta(hours=1), **callbacks(called))
    run_dag(dag, raise_on_failure=False)
    assert [(event, tries) for event, _, _, tries, _ in called] == [("retry", 1), ("failure", 2), ("dag", 2)]
    assert {error for event, _, error, _, _ in called if event != "dag"} == {"TaskError"}


def test_callbacks_may_push_and_fail() -> None:
    def push(context: Any) -> None:
        context["ti"].xcom_push(key="told", value=42)

    def fail(context: Any) -> None:
        raise RuntimeError("this callback is broken")

    with DAG("d", on_success_callback=fail) as dag:
        waits = Waits(task_id="w", how="success", on_success_callback=[fail, push])

        @task
        def reads(**context: Any) -> Any:
            return True

        waits >> reads()
    run = run_dag(dag)
    assert run.state == "success"
    assert run["w"].xcom == {"told": 42}


def test_what_a_callback_learns_of_the_try() -> None:
    learned: list[Any] = []

    def tell(context: Any) -> None:
        ti = context["ti"]
        learned.append((ti.state, ti.hostname, ti.pid, ti.unixname, ti.duration))

    with DAG("d") as dag:

        @task(on_failure_callback=tell)
        def fails(ti: Any = None) -> None:
            assert ti.duration is None
            raise ValueError

        fails()
    run_dag(dag, raise_on_failure=False)
    ((state, hostname, pid, unixname, duration),) = learned
    assert (state, hostname, pid, unixname) == ("failed", socket.gethostname(), os.getpid(), getpass.getuser())
    assert 0 <= duration < 60
