"""Mapped tasks that start from their trigger: each instance has its own, and its constructor runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bide import DAG, BaseOperator, BaseSensorOperator, StartTriggerArgs, task
from bide.testing import RunResult, run_dag

CLASSPATH = "bide.standard.triggers.temporal.TimeDeltaTrigger"


class WaitHours(BaseSensorOperator):
    """As the document of deferrable operators has it."""

    start_trigger_args = StartTriggerArgs(
        trigger_cls=CLASSPATH,
        trigger_kwargs={"moment": timedelta(hours=1)},
        next_method="execute_complete",
        next_kwargs=None,
        timeout=None,
    )
    start_from_trigger = True

    def __init__(
        self, *args: Any, trigger_kwargs: dict[str, Any] | None, start_from_trigger: bool, **kwargs: Any
    ) -> None:
        if trigger_kwargs == {"hours": -1}:
            raise ValueError("hours must be positive")
        super().__init__(*args, **kwargs)
        self.start_trigger_args.trigger_kwargs = trigger_kwargs
        self.start_from_trigger = start_from_trigger

    def execute(self, context: Any) -> str:
        return "in a worker"

    def execute_complete(self, context: Any, event: dict[str, Any] | None = None) -> Any:
        return self.start_trigger_args.trigger_kwargs


class WaitSeconds(BaseOperator):
    """Names its argument as it likes, and computes the trigger's of it."""

    template_fields = ("seconds",)
    start_from_trigger = True

    def __init__(self, *, seconds: Any, starts: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seconds = seconds
        self.start_from_trigger = starts
        self.start_trigger_args = StartTriggerArgs(
            trigger_cls=CLASSPATH, trigger_kwargs={"seconds": seconds}, next_method="done"
        )

    def execute(self, context: Any) -> str:
        return "in a worker"

    def done(self, event: Any) -> Any:
        return self.seconds


def waited(run: RunResult, task_id: str) -> dict[str, Any]:
    return {
        name: (one.state, one.states.count("running"), one.result)
        for name, one in run.tasks.items()
        if one.task_id == task_id
    }


#: Seconds of real time that a skipped wait may take on a busy machine.
_MOMENTS = 30.0


def seconds_waited(run: RunResult, task_id: str) -> Any:
    """What each wait took, for comparisons that allow for the moments of real time in it."""
    took = [wait.duration.total_seconds() for wait in run.waits_of(task_id) if wait.duration is not None]
    return pytest.approx(sorted(took), abs=_MOMENTS)


def test_it_is_expanded_into_two_that_wait_for_one_and_two_hours() -> None:
    with DAG("d") as dag:
        WaitHours.partial(task_id="wait", start_from_trigger=True).expand(
            trigger_kwargs=[{"hours": 1}, {"hours": 2}]
        )
    run = run_dag(dag)
    assert waited(run, "wait") == {
        "wait[0]": ("success", 1, {"hours": 1}),
        "wait[1]": ("success", 1, {"hours": 2}),
    }
    assert seconds_waited(run, "wait") == [3600, 7200]
    assert run["wait[0]"].states == ["deferred", "scheduled", "queued", "running", "success"]


def test_results_of_tasks_are_in_the_arguments_of_the_triggers() -> None:
    @task
    def hours() -> list[dict[str, Any]]:
        return [{"hours": 3}, {"hours": 4}]

    with DAG("d") as dag:
        WaitHours.partial(task_id="wait", start_from_trigger=True).expand(trigger_kwargs=hours())
        WaitHours.partial(task_id="mapped", start_from_trigger=True).expand(
            trigger_kwargs=hours().map(lambda one: {"hours": one["hours"] + 1})
        )
    run = run_dag(dag)
    assert [run[f"wait[{index}]"].result for index in (0, 1)] == [{"hours": 3}, {"hours": 4}]
    assert [run[f"mapped[{index}]"].result for index in (0, 1)] == [{"hours": 4}, {"hours": 5}]


def test_one_starts_from_its_trigger_and_one_in_a_worker() -> None:
    with DAG("d") as dag:
        WaitHours.partial(task_id="wait", trigger_kwargs={"hours": 1}).expand(start_from_trigger=[True, False])
    run = run_dag(dag)
    assert run["wait[0]"].result == {"hours": 1}
    assert "deferred" in run["wait[0]"].states
    assert run["wait[1]"].result == "in a worker"
    assert "deferred" not in run["wait[1]"].states


def test_the_constructor_decides_by_arguments_of_any_name() -> None:
    with DAG("d") as dag:
        WaitSeconds.partial(task_id="wait").expand(seconds=[1, 2])
        WaitSeconds.partial(task_id="some", seconds=3).expand(starts=[True, False])
    run = run_dag(dag)
    assert [run["wait[0]"].result, run["wait[1]"].result] == [1, 2]
    assert len(run.waits_of("wait")) == 2
    assert run["some[0]"].result == 3
    assert run["some[1]"].result == "in a worker"


@pytest.mark.parametrize("starts", [True, False])
def test_a_constructor_that_refuses_its_arguments_fails_its_own_instance(starts: bool) -> None:
    with DAG("d") as dag:
        WaitHours.partial(task_id="wait", start_from_trigger=starts).expand(
            trigger_kwargs=[{"hours": 1}, {"hours": -1}]
        )
    run = run_dag(dag, raise_on_failure=False)
    assert [run["wait[0]"].state, run["wait[1]"].state] == ["success", "failed"]
    assert run["wait[1]"].error == "ValueError: hours must be positive"


def test_callbacks_of_an_instance_whose_trigger_ended_it_see_its_arguments() -> None:
    seen: list[Any] = []
    with DAG("d") as dag:
        WaitSeconds.partial(
            task_id="wait",
            on_failure_callback=lambda context: seen.append((context["ti"].map_index, context["task"].seconds)),
        ).expand(seconds=["no number", 1])
    run_dag(dag, raise_on_failure=False)
    assert seen == [(0, "no number")]
