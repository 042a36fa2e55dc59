"""run_dag: a DAG object from its beginning to its end, in this process."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import os
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bide import (
    DAG,
    BaseHook,
    BaseOperator,
    BaseSensorOperator,
    BaseTrigger,
    Connection,
    PollTrigger,
    TaskFailure,
    TimeDeltaSensor,
    TimeDeltaTrigger,
    TriggerEvent,
    Variable,
    task,
)
from bide.engine.scheduler.duties.advance_runs import AdvanceRuns
from bide.model.errors import AuthoringError, InvalidArgument
from bide.testing import RealClock, RunFailed, RunStuck, SkippingClock, run_dag

WEEK = dt.timedelta(days=7)


class Waiter(BaseOperator):
    """Defers to what it was given, and returns the event."""

    def __init__(self, trigger: BaseTrigger, timeout: dt.timedelta | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.trigger = trigger
        self.wait_timeout = timeout

    def execute(self, context: Any) -> None:
        self.defer(trigger=self.trigger, method_name="go_on", timeout=self.wait_timeout)

    def go_on(self, context: Any, event: Any = None) -> Any:
        return event


class Sleeper(BaseTrigger):
    """As triggers are written for Airflow."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.Sleeper", {"seconds": self.seconds}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        print("asleep")
        await asyncio.sleep(self.seconds)
        yield TriggerEvent("slept")

    def describe(self) -> str:
        return f"{self.seconds:g} s of sleep"


class Broken(BaseTrigger):
    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.Broken", {}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        raise LookupError("as it should")
        yield TriggerEvent()


def one(operator_type: type[BaseOperator], *args: Any, **options: Any) -> DAG:
    with DAG("one") as dag:
        operator_type(*args, task_id="a", **options)
    return dag


# --- results


def test_values_go_from_task_to_task() -> None:
    with DAG("flow", params={"factor": 2}) as dag:

        @task
        def first() -> int:
            print("printed")
            return 21

        @task
        def second(x: int, ti: Any = None, params: Any = None) -> int:
            ti.xcom_push("seen", x)
            return x * params["factor"]

        second(first())

    result = run_dag(dag, conf={"factor": 3})
    assert result.state == "success"
    assert result.states == {"first": "success", "second": "success"}
    assert result["second"].result == 63
    assert result["second"].xcom == {"seen": 21, "return_value": 63}
    assert result["first"].states == ["scheduled", "queued", "running", "success"]
    assert "stdout - printed" in result["first"].log
    assert "Task succeeded" in result["first"].log


def test_the_run_has_the_date_it_was_given() -> None:
    with DAG("dated") as dag:

        @task
        def day(ds: str = "", logical_date: Any = None) -> list[Any]:
            return [ds, logical_date]

        day()

    moment = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
    result = run_dag(dag, logical_date=moment, run_id="mine")
    assert result["day"].result == ["2026-01-31", moment]
    assert (result.run_id, result.logical_date) == ("mine", moment)


def test_a_failure_is_raised_with_the_tasks_own_traceback() -> None:
    with DAG("fails") as dag:

        @task
        def bad() -> None:
            raise ValueError("as it should")

        @task
        def after(x: Any) -> None: ...

        after(bad())

    with pytest.raises(
        RunFailed, match=r"bad: failed: ValueError: as it should\n  after: upstream_failed"
    ) as caught:
        run_dag(dag)
    cause = caught.value.__cause__
    assert isinstance(cause, ValueError)
    assert traceback.extract_tb(cause.__traceback__)[-1].name == "bad"
    result = run_dag(dag, raise_on_failure=False)
    assert result.states == {"bad": "failed", "after": "upstream_failed"}
    assert isinstance(result["bad"].exception, ValueError)
    assert result["bad"].error == "ValueError: as it should"
    assert "ValueError: as it should" in result["bad"].log


def test_a_trigger_that_fails_keeps_its_exception() -> None:
    result = run_dag(one(Waiter, Broken()), raise_on_failure=False)
    assert result["a"].state == "failed"
    assert isinstance(result["a"].exception, LookupError)
    assert "LookupError: as it should" in result["a"].log


def test_a_dag_that_can_not_be_is_refused_before_anything_runs() -> None:
    dag = one(BaseOperator)
    dag.get_task("a").trigger_rule = "sometimes"
    with pytest.raises(AuthoringError, match="sometimes"):
        run_dag(dag)


def test_what_is_no_dag_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="has to be called"):
        run_dag(lambda: None)  # type: ignore[arg-type]


# --- waits, which take no time


def test_waits_of_every_kind_are_skipped() -> None:
    class Third(PollTrigger):
        """Defined here: no import leads to it."""

        looks = 0
        interval = 3600.0

        def serialize(self) -> tuple[str, dict[str, Any]]:
            return f"{type(self).__module__}.{type(self).__qualname__}", {}

        async def poll(self) -> TriggerEvent | None:
            Third.looks += 1
            return TriggerEvent(Third.looks) if Third.looks == 168 else None

    with DAG("waits") as dag:
        Waiter(TimeDeltaTrigger(WEEK), task_id="timer")
        Waiter(Sleeper(WEEK.total_seconds()), task_id="stream")
        Waiter(Third(), task_id="poll")
        TimeDeltaSensor(task_id="sensor", delta=WEEK, timeout=2 * WEEK)
        TimeDeltaSensor(
            task_id="rescheduled", delta=WEEK, timeout=2 * WEEK, mode="reschedule", poke_interval=43_200
        )
        TimeDeltaSensor(task_id="deferred", delta=WEEK, timeout=2 * WEEK, deferrable=True)

    result = run_dag(dag)
    assert set(result.states.values()) == {"success"}
    assert result["poll"].result == 168
    assert result["stream"].result == "slept"
    assert "stdout - asleep" in result["stream"].log
    assert result.duration is not None
    assert dt.timedelta(days=6, hours=23) < result.duration < dt.timedelta(days=7, hours=13)
    assert {wait.task_id: wait.kind for wait in result.waits} == {
        "timer": "timer",
        "stream": "stream",
        "poll": "poll",
        "deferred": "timer",
    }
    wait = result.assert_waited("stream", Sleeper)
    assert wait.duration is not None
    assert abs(wait.duration - WEEK) < dt.timedelta(minutes=1)
    assert result["rescheduled"].states.count("up_for_reschedule") >= 14


def test_retries_wait_for_their_delay_in_the_runs_time() -> None:
    with DAG("retried") as dag:

        @task(retries=3, retry_delay=dt.timedelta(hours=12))
        def third_time(ti: Any = None) -> int:
            if ti.try_number < 3:
                raise OSError("not yet")
            return ti.try_number

        third_time()

    result = run_dag(dag)
    assert (result["third_time"].result, result["third_time"].tries) == (3, 3)
    assert result["third_time"].log.count("OSError: not yet") >= 2
    assert result.duration is not None
    assert result.duration >= dt.timedelta(days=1)


def test_a_deferral_times_out_in_the_runs_time() -> None:
    dag = one(Waiter, Sleeper(WEEK.total_seconds()), timeout=dt.timedelta(hours=6))
    result = run_dag(dag, raise_on_failure=False)
    assert result["a"].state == "failed"
    assert result.duration is not None
    assert result.duration < dt.timedelta(hours=7)


def test_a_poking_sensor_lets_other_tasks_run() -> None:
    class Watch(BaseSensorOperator):
        def poke(self, context: Any) -> bool:
            return bool(done)

    done: list[int] = []
    with DAG("beside") as dag:
        Watch(task_id="watch", priority_weight=10)

        @task
        def work() -> None:
            done.append(1)

        work()

    result = run_dag(dag)
    assert result.states == {"watch": "success", "work": "success"}


def test_a_sensor_that_sleeps_ends_at_its_execution_timeout() -> None:
    class Watch(BaseSensorOperator):
        def poke(self, context: Any) -> bool:
            return False

        def on_kill(self) -> None:
            killed.append(self.task_id)

    killed: list[str] = []
    dag = one(Watch, execution_timeout=dt.timedelta(hours=2), poke_interval=600)
    result = run_dag(dag, raise_on_failure=False)
    assert result["a"].state == "failed"
    assert "execution_timeout" in result["a"].error
    assert killed == ["a"]


def test_code_that_takes_too_long_is_interrupted() -> None:
    with DAG("late") as dag:

        @task(execution_timeout=dt.timedelta(seconds=0.1))
        def late() -> None:
            threading.Event().wait(30)

        late()

    result = run_dag(dag, raise_on_failure=False)
    assert result["late"].state == "failed"
    assert "execution_timeout" in result["late"].error


def test_the_clock_can_begin_at_any_moment() -> None:
    start = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    clock = SkippingClock(start)
    result = run_dag(one(Waiter, Sleeper(WEEK.total_seconds())), clock=clock)
    assert result.start_date is not None
    assert abs(result.start_date - start) < dt.timedelta(minutes=1)
    assert abs(clock.now() - start - WEEK) < dt.timedelta(minutes=1)
    assert result["a"].log.startswith("2030-01-01")


def test_a_real_clock_waits() -> None:
    begun = time.monotonic()
    result = run_dag(one(Waiter, Sleeper(0.2)), clock=RealClock())
    assert result["a"].result == "slept"
    assert time.monotonic() - begun >= 0.2


def test_a_run_that_waits_for_ever_is_stuck() -> None:
    class Never(BaseTrigger):
        def serialize(self) -> tuple[str, dict[str, Any]]:
            return f"{__name__}.Never", {}

        async def run(self) -> AsyncIterator[TriggerEvent]:
            await asyncio.get_running_loop().create_future()
            yield TriggerEvent()

        def describe(self) -> str:
            return "Godot"

    with pytest.raises(RunStuck, match=r"nothing can happen any more(.|\n)*a waits for Godot"):
        run_dag(one(Waiter, Never()))


def test_a_run_that_takes_too_long_in_its_own_time_is_stuck() -> None:
    with pytest.raises(RunStuck, match=r"more than 5 days(.|\n)*time_limit"):
        run_dag(one(Waiter, Sleeper(WEEK.total_seconds())), time_limit=dt.timedelta(days=5))


# --- where it runs


def test_tasks_run_in_the_calling_thread_of_this_process() -> None:
    with DAG("here") as dag:

        @task
        def where() -> list[Any]:
            return [os.getpid(), threading.current_thread() is threading.main_thread()]

        where()

    assert run_dag(dag)["where"].result == [os.getpid(), True]


async def test_it_can_be_called_from_a_coroutine() -> None:
    with DAG("within") as dag:

        @task
        def loop_of_its_own() -> str:
            return asyncio.run(asyncio.sleep(0, "fine"))

        loop_of_its_own()

    assert run_dag(dag)["loop_of_its_own"].result == "fine"


def test_a_keyboard_interrupt_ends_the_run() -> None:
    with DAG("stopped") as dag:

        @task(retries=5)
        def stop() -> None:
            raise KeyboardInterrupt

        stop()

    with pytest.raises(KeyboardInterrupt):
        run_dag(dag)


def test_never_retried_failures_are_not() -> None:
    with DAG("final") as dag:

        @task(retries=5)
        def final() -> None:
            raise TaskFailure("no use")

        final()

    assert run_dag(dag, raise_on_failure=False)["final"].tries == 1


def test_nothing_stays_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, temporary, here = tmp_path / "home", tmp_path / "tmp", tmp_path / "here"
    for folder in (home, temporary, here):
        folder.mkdir()
    monkeypatch.setenv("BIDE_HOME", str(home))
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.chdir(here)
    threads = set(threading.enumerate())
    streams = sys.stdout, sys.stderr
    run_dag(one(Waiter, Sleeper(60)))
    assert [*home.iterdir(), *temporary.iterdir(), *here.iterdir()] == []
    assert (sys.stdout, sys.stderr) == streams
    for thread in set(threading.enumerate()) - threads:
        thread.join(10)
        assert not thread.is_alive()


def test_a_scheduler_that_fails_ends_the_run_with_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than try again for a year of skipped time."""

    async def fail(self: Any) -> None:
        raise RuntimeError("as it should")

    monkeypatch.setattr(AdvanceRuns, "run", fail)
    with pytest.raises(RuntimeError, match="as it should"):
        run_dag(one(Waiter, Sleeper(1)))


def test_a_clock_can_be_used_again() -> None:
    clock = SkippingClock()
    for _ in range(2):
        run_dag(one(Waiter, Sleeper(WEEK.total_seconds())), clock=clock, time_limit=dt.timedelta(days=8))
    assert clock.skipped >= 2 * WEEK - dt.timedelta(minutes=1)


def test_connections_and_variables_are_those_of_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIDE_VAR_FROM_ENVIRONMENT", "set")
    with DAG("looks_up") as dag:

        @task
        def looks() -> list[Any]:
            db = BaseHook.get_connection("db")
            return [
                db.host,
                db.extra_dejson,
                Variable.get("sizes", deserialize_json=True),
                Variable.get("from_environment"),
            ]

        looks()
    given = Connection("ignored", "postgres", host="h", extra={"a": 1})
    result = run_dag(dag, connections={"db": given}, variables={"sizes": [1, 2]})
    assert result["looks"].result == ["h", {"a": 1}, [1, 2], "set"]
    with pytest.raises(InvalidArgument, match="connection 'db' is no URI"):
        run_dag(dag, connections={"db": "nonsense"})
    with pytest.raises(RunFailed, match="the connection 'db' isn't defined"):
        run_dag(dag)


@dataclasses.dataclass
class Found:
    rows: list[int]


def test_objects_of_the_projects_classes_go_from_task_to_task() -> None:
    with DAG("objects") as dag:

        @task
        def find() -> Found:
            return Found([1, 2])

        @task
        def use(found: Found) -> list[Any]:
            return [type(found).__name__, found.rows]

        use(find())
    result = run_dag(dag)
    assert result["find"].result == Found([1, 2])
    assert result["use"].result == ["Found", [1, 2]]
