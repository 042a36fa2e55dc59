"""Callbacks in a run that a test makes: each is called before ``run_dag`` returns, wherever its ending is."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from bide import DAG, BaseOperator, SignalTrigger, TaskFailedEvent, TaskSkippedEvent, TaskSuccessEvent, task
from bide.testing import run_dag


class Notes:
    """Callbacks that note who called them."""

    def __init__(self) -> None:
        self.said: list[Any] = []

    def all(self) -> dict[str, Any]:
        return {f"on_{event}_callback": self.of(event) for event in ("success", "failure", "retry", "skipped")}

    def of(self, event: str) -> Any:
        def note(context: Any) -> None:
            self.said.append((event, str(context.get("exception") or "")))

        return note


class Waits(BaseOperator):
    def execute(self, context: Any) -> None:
        self.defer(SignalTrigger("x"), method_name=None, timeout=timedelta(days=1))


def test_callbacks_of_a_task_and_of_its_run() -> None:
    notes = Notes()
    with DAG("d", on_failure_callback=lambda context: notes.said.append(("run", context["dag_run"].state))) as dag:

        @task(retries=1, retry_delay=timedelta(hours=1), **notes.all())
        def fails() -> None:
            raise ValueError("as it should")

        fails()
    run_dag(dag, raise_on_failure=False)
    assert notes.said == [("retry", "as it should"), ("failure", "as it should"), ("run", "failed")]


@pytest.mark.parametrize(
    ("event", "called"),
    [
        (TaskSuccessEvent(), ("success", "")),
        (TaskFailedEvent(), ("failure", "ended the task as failed")),
        (TaskSkippedEvent(), ("skipped", "")),
        (None, ("failure", "the deferral's timeout of 86400 s is over, waiting for signal x")),
    ],
    ids=["success", "failure", "skipped", "timeout"],
)
def test_callbacks_of_what_a_trigger_or_a_timeout_ends(event: Any, called: tuple[str, str]) -> None:
    notes = Notes()
    with DAG("d") as dag:
        Waits(task_id="waits", **notes.all())
    events = {} if event is None else {"waits": event}
    run_dag(dag, events=events, raise_on_failure=False)
    ((what, said),) = notes.said
    assert (what, called[1] in said) == (called[0], True), notes.said


def test_a_callback_that_takes_its_time_is_waited_for() -> None:
    """Longer than a run that is broken off would wait for its tasks."""
    begun, ended = threading.Event(), threading.Event()

    def slowly(context: Any) -> None:
        begun.set()
        threading.Event().wait(1.5)
        context["ti"].xcom_pull(task_ids="a")
        ended.set()

    with DAG("d") as dag:

        @task(on_success_callback=slowly)
        def a() -> int:
            return 1

        a()
    run_dag(dag)
    assert begun.is_set()
    assert ended.is_set()


def test_a_key_that_is_none_means_the_newest_value() -> None:
    with DAG("d") as dag:

        @task
        def first(ti: Any = None) -> None:
            ti.xcom_push("a", 1)
            ti.xcom_push("b", 2)

        @task
        def second() -> int:
            return 3

        @task
        def pull(ti: Any = None) -> Any:
            return [ti.xcom_pull("first", key=None), ti.xcom_pull(["first", "second", "pull"], key=None)]

        [first(), second()] >> pull()
    assert run_dag(dag)["pull"].result == [2, [2, 3, None]]


def test_a_callback_that_fails_is_in_the_log_and_changes_nothing() -> None:
    def breaks(context: Any) -> None:
        print("it breaks")
        raise RuntimeError("no mail today")

    with DAG("d", on_success_callback=breaks) as dag:
        Waits(task_id="waits", on_success_callback=breaks)
    result = run_dag(dag, events={"waits": TaskSuccessEvent()})
    assert result.state == "success"
    assert result["waits"].log.count("failed: RuntimeError: no mail today") == 2
    assert result["waits"].log.count("it breaks") == 2
