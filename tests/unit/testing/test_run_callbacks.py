"""Callback URLs and signals in a run that a test makes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bide import DAG, BaseOperator, BaseTrigger, Context, SignalTrigger, TriggerEvent, task, wait
from bide.model.errors import InvalidArgument, NotFound
from bide.testing import RunFailed, call_back, run_dag


class Service:
    """Stands in for one that is given a URL to call."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: list[str] = []

    def call(self, body: Any) -> None:
        self.answers.append(call_back(self.url, body))


def order(service: Service, *, early: bool) -> DAG:
    class Order(BaseOperator):
        def execute(self, context: Context) -> None:
            service.url = self.callback_url()
            if early:
                service.call({"rows": 3})
            self.defer(SignalTrigger(), method_name="done", timeout=3600)

        def done(self, context: Context, event: Any) -> Any:
            return event

    with DAG("orders") as dag:
        Order(task_id="order")
        if not early:

            @task
            def later() -> None:
                service.call({"rows": 4})
                service.call({"rows": 5})

            later()
    return dag


def test_a_service_that_answers_at_once_is_heard() -> None:
    service = Service()
    assert run_dag(order(service, early=True))["order"].result == {"rows": 3}
    assert service.answers == ["stored"]


def test_a_service_that_answers_later_resumes_the_task() -> None:
    """The first call counts."""
    service = Service()
    result = run_dag(order(service, early=False))
    assert result["order"].result == {"rows": 4}
    assert result["order"].states.count("deferred") == 1
    assert service.answers == ["resumed", "repeated"]


def test_its_event_can_be_given_instead() -> None:
    service = Service()
    with DAG("given") as dag:

        @task
        def publish(**context: Any) -> Any:
            service.url = context["callback_url"]("approved")
            return wait(SignalTrigger("approved"))

        publish()
    assert run_dag(dag, events={SignalTrigger: {"ok": True}})["publish"].result == {"ok": True}
    assert service.url.startswith("http://run-")


def test_a_url_ends_with_its_run() -> None:
    service = Service()
    run_dag(order(service, early=True))
    with pytest.raises(NotFound, match=r"no run that goes on in this process has given this URL"):
        service.call({})
    with pytest.raises(NotFound, match=r"has given this URL"):
        call_back("https://example.com/callbacks/x", {})


@pytest.mark.parametrize(("body", "said"), [(object(), "must be JSON"), ("x" * 300_000, "256 KiB")])
def test_a_body_is_json_of_a_limited_size(body: Any, said: str) -> None:
    with DAG("wrong") as dag:

        @task
        def call(**context: Any) -> None:
            with pytest.raises(InvalidArgument, match=said):
                call_back(context["callback_url"](), body)

        call()
    run_dag(dag)


class Caller(BaseTrigger):
    """Calls the URL by itself: in its event loop, or beside it."""

    def __init__(self, url: str, in_thread: bool) -> None:
        super().__init__()
        self.url = url
        self.in_thread = in_thread

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.Caller", {"url": self.url, "in_thread": self.in_thread}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        if self.in_thread:
            await asyncio.to_thread(call_back, self.url, 1)
        else:
            call_back(self.url, 1)
        yield TriggerEvent("called")


def calling(*, in_thread: bool) -> DAG:
    with DAG("calling") as dag:

        @task
        def call(**context: Any) -> list[Any]:
            url = context["callback_url"]()
            return [wait(Caller(url, in_thread)), wait(SignalTrigger())]

        call()
    return dag


def test_a_trigger_calls_in_a_thread() -> None:
    assert run_dag(calling(in_thread=True))["call"].result == ["called", 1]
    with pytest.raises(RunFailed, match=r"await asyncio\.to_thread\(call_back"):
        run_dag(calling(in_thread=False))
