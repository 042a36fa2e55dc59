"""What the engine does around waits, seen in one process."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import AsyncIterator
from typing import Any, ClassVar

from bide import DAG, BaseOperator, BaseTrigger, PollTrigger, TriggerEvent, task
from bide.authoring.start_trigger import StartTriggerArgs
from bide.testing import run_dag
from tests.unit.testing.waiting import Waiter, waiting_dag


class Job(BaseTrigger):
    """A job that never ends by itself."""

    calls: ClassVar[list[str]] = []

    def __init__(self, job_id: str) -> None:
        super().__init__()
        self.job_id = job_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.Job", {"job_id": self.job_id}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        while True:
            await asyncio.sleep(600)
        yield TriggerEvent()

    async def cleanup(self) -> None:
        self.calls.append(f"cleanup {self.job_id}")

    async def on_kill(self) -> None:
        self.calls.append(f"on_kill {self.job_id}")


class SlowToCancel(Job):
    """Asks for the end of its job, and looks a minute later what became of that."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.SlowToCancel", {"job_id": self.job_id}

    async def on_kill(self) -> None:
        await asyncio.sleep(60)
        await super().on_kill()


class Starts(BaseOperator):
    """Begins with its wait."""

    start_from_trigger = True
    start_trigger_args = StartTriggerArgs(
        trigger_cls=f"{__name__}.Job", trigger_kwargs={"job_id": "{{ params.job }}"}, next_method="done"
    )

    def done(self, context: Any, event: Any = None) -> Any:
        return event


def test_work_outside_is_cancelled_when_its_task_times_out() -> None:
    Job.calls.clear()
    dag = waiting_dag(Job("7"), execution_timeout=dt.timedelta(hours=3))
    result = run_dag(dag, raise_on_failure=False)
    assert result["a"].state == "failed"
    assert "execution_timeout of 10800 s" in result["a"].error
    assert sorted(Job.calls) == ["cleanup 7", "on_kill 7"]
    assert "on_kill() has returned" in result["a"].log


def test_a_run_is_over_when_its_cancels_are_done() -> None:
    Job.calls.clear()
    dag = waiting_dag(SlowToCancel("8"), execution_timeout=dt.timedelta(hours=3))
    assert run_dag(dag, raise_on_failure=False)["a"].state == "failed"
    assert sorted(Job.calls) == ["cleanup 8", "on_kill 8"]


def test_a_task_starts_from_its_trigger_without_running() -> None:
    with DAG("starts", params={"job": "none"}) as dag:
        Starts(task_id="a")
    result = run_dag(dag, conf={"job": "42"}, events={Job: lambda trigger: trigger.job_id})
    assert result["a"].result == "42"
    assert result["a"].states[0] == "deferred"
    wait = result.assert_waited("a", Job)
    assert wait.trigger.job_id == "42"  # type: ignore[attr-defined]


def test_a_plain_poll_runs_in_a_thread() -> None:
    class Plain(PollTrigger):
        interval = 600.0
        threads: ClassVar[list[str]] = []

        def serialize(self) -> tuple[str, dict[str, Any]]:
            return f"{__name__}.{type(self).__name__}", {}

        def poll(self) -> TriggerEvent | None:
            self.threads.append(threading.current_thread().name)
            return TriggerEvent("seen") if len(self.threads) == 3 else None

    result = run_dag(waiting_dag(Plain()))
    assert result["a"].result == "seen"
    assert all(name.startswith("bide-poll") for name in Plain.threads)
    assert result.duration is not None
    assert dt.timedelta(minutes=20) <= result.duration < dt.timedelta(minutes=25)


def test_looks_that_fail_are_made_good() -> None:
    class Shaky(PollTrigger):
        interval = 60.0
        looks: ClassVar[list[int]] = []

        def serialize(self) -> tuple[str, dict[str, Any]]:
            return f"{__name__}.{type(self).__name__}", {}

        async def poll(self) -> TriggerEvent | None:
            self.looks.append(1)
            if len(self.looks) < 3:
                raise OSError("not reachable")
            return TriggerEvent(len(self.looks))

    result = run_dag(waiting_dag(Shaky()))
    assert result["a"].result == 3
    assert result["a"].log.count("OSError: not reachable") == 2


def test_two_classes_of_one_name_in_two_functions_are_told_apart_by_the_one_in_use() -> None:
    def make(said: str) -> type[BaseTrigger]:
        class Local(BaseTrigger):
            def serialize(self) -> tuple[str, dict[str, Any]]:
                return f"{__name__}.{type(self).__qualname__}", {}

            async def run(self) -> AsyncIterator[TriggerEvent]:
                yield TriggerEvent(said)

        return Local

    for said in ("first", "second"):
        assert run_dag(waiting_dag(make(said)()))["a"].result == said


def test_an_async_task_may_run_beside_a_wait() -> None:
    with DAG("mixed") as dag:

        @task
        async def count() -> int:
            return 3

        Waiter(Job("9"), task_id="job") << count()

    result = run_dag(dag, events={"job": "done"})
    assert (result["count"].result, result["job"].result) == (3, "done")


class Pulls(BaseTrigger):
    """Asks for the result of another task, in both ways."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.Pulls", {}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        ti: Any = self.task_instance
        yield TriggerEvent([ti.xcom_pull("up"), await ti.async_xcom_pull("up")])


def test_k11_triggers_read_xcoms_inline_too() -> None:
    """K11"""
    with DAG("reads") as dag:

        @task
        def up() -> int:
            return 5

        up() >> Waiter(task_id="waits", trigger=Pulls())
    assert run_dag(dag)["waits"].result == [5, 5]
