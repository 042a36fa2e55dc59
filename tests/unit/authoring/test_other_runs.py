"""What operators about other runs are made with, and what they ask; a runtime answers in the engine's place."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from bide import DAG, ExternalTaskMarker, ExternalTaskSensor, TaskDeferred, TriggerDagRunOperator
from bide.authoring.deferral import TaskRescheduled
from bide.model.errors import InvalidArgument, TaskError, TaskSkipped
from bide.model.watching import Verdict, Watch
from bide.standard.external_errors import (
    ExternalDagFailed,
    ExternalDagMissing,
    ExternalGroupFailed,
    ExternalGroupMissing,
    ExternalTaskFailed,
    ExternalTaskMissing,
)
from bide.testing import run_dag

DAY = dt.datetime(2026, 3, 1, 5, tzinfo=dt.UTC)


class Answers:
    """Says what was set, and keeps what was asked."""

    def __init__(self) -> None:
        self.verdicts = [Verdict("success", "fine")]
        self.missing = ""
        self.outcome = "made"
        self.is_paused = False
        self.watches: list[Watch] = []
        self.started: list[dict[str, Any]] = []

    def look_at(self, watch: Watch, *, check_existence: bool = False) -> tuple[Verdict, str]:
        self.watches.append(watch)
        verdict = self.verdicts.pop(0) if len(self.verdicts) > 1 else self.verdicts[0]
        return verdict, self.missing if check_existence else ""

    def start_run(self, dag_id: str, **options: Any) -> tuple[str, str, bool]:
        self.started.append({"dag_id": dag_id, **options})
        return options["run_id"] or "manual__x", self.outcome, self.is_paused


@pytest.fixture
def answers(runtime: Any, monkeypatch: pytest.MonkeyPatch) -> Answers:
    made = Answers()
    monkeypatch.setattr(type(runtime), "look_at", lambda self, *a, **k: made.look_at(*a, **k), raising=False)
    monkeypatch.setattr(type(runtime), "start_run", lambda self, *a, **k: made.start_run(*a, **k), raising=False)
    return made


def sensor(**options: Any) -> ExternalTaskSensor:
    with DAG("d"):
        return ExternalTaskSensor(task_id="s", external_dag_id="other", **options)


def date_asked(answers: Answers) -> tuple[str, ...]:
    return answers.watches[-1].logical_dates


@pytest.mark.parametrize(
    ("options", "dates"),
    [
        ({}, [DAY]),
        ({"execution_delta": dt.timedelta(hours=5)}, [DAY - dt.timedelta(hours=5)]),
        ({"execution_date_fn": lambda date: date.replace(hour=0)}, [DAY.replace(hour=0)]),
        ({"execution_date_fn": lambda date, ds: [date, f"{ds}T01:00:00+00:00"]}, [DAY, DAY.replace(hour=1)]),
    ],
)
def test_the_date_is_the_own_one_unless_said_otherwise(
    answers: Answers, context_for: Any, options: dict[str, Any], dates: list[dt.datetime]
) -> None:
    task = sensor(external_task_id="load", **options)
    task.execute(context_for(task, logical_date=DAY))
    assert date_asked(answers) == tuple(date.isoformat() for date in dates)


def test_what_is_watched(answers: Answers, context_for: Any) -> None:
    task = sensor(external_task_ids=["a", "b"], allowed_states=["success", "skipped"], failed_states=["failed"])
    assert task.poke(context_for(task)) is True
    watch = answers.watches[0]
    assert (watch.dag_id, watch.task_ids, watch.allowed, watch.failed) == (
        "other",
        ("a", "b"),
        ("success", "skipped"),
        ("failed",),
    )
    task = sensor(external_task_group_id="g")
    task.poke(context_for(task))
    assert answers.watches[1].group_id == "g"


def test_a_deferrable_sensor_waits_for_the_engine(answers: Answers, context_for: Any) -> None:
    answers.verdicts = [Verdict("waiting", "not yet")]
    task = sensor(external_task_id="load", deferrable=True, timeout=60)
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context_for(task))
    trigger = deferred.value.trigger
    assert trigger.watch == task.watch(context_for(task)) and trigger.watch.ends
    assert deferred.value.timeout_seconds == 60
    path, kwargs = trigger.serialize()
    assert path == "bide.authoring.other_runs.WatchTrigger" and type(trigger)(**kwargs).watch == trigger.watch
    assert trigger.describe() == "load of other, 2026-03-01T05:06:07+00:00"


def test_a_deferrable_sensor_for_a_state_that_nobody_tells_of_looks_again(
    answers: Answers, context_for: Any
) -> None:
    answers.verdicts = [Verdict("waiting", "not yet")]
    task = sensor(external_task_id="load", deferrable=True, allowed_states=["running"], poke_interval=30)
    with pytest.raises(TaskRescheduled) as left:
        task.execute(context_for(task))
    assert left.value.reschedule_date == dt.datetime(2026, 3, 1, 12, 0, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("status", "options", "raised"),
    [
        ("failed", {}, ExternalTaskFailed),
        ("failed", {"soft_fail": True}, TaskSkipped),
        ("skipped", {}, TaskSkipped),
    ],
)
def test_the_verdict_ends_the_sensor(
    answers: Answers, context_for: Any, status: Any, options: dict[str, Any], raised: type[Exception]
) -> None:
    answers.verdicts = [Verdict(status, "load of run r1 is so")]
    task = sensor(external_task_id="load", **options)
    with pytest.raises(raised, match="DAG 'other': load of run r1 is so"):
        task.execute(context_for(task))
    with pytest.raises(raised):
        task.execute_complete(context_for(task), {"status": status, "seen": "load of run r1 is so"})


@pytest.mark.parametrize(
    ("options", "failed", "missing"),
    [
        ({"external_task_id": "a"}, ExternalTaskFailed, ExternalTaskMissing),
        ({"external_task_group_id": "g"}, ExternalGroupFailed, ExternalGroupMissing),
        ({}, ExternalDagFailed, ExternalDagMissing),
    ],
)
def test_the_error_says_of_what_kind_it_was(
    answers: Answers, context_for: Any, options: dict[str, Any], failed: type[Exception], missing: type[Exception]
) -> None:
    answers.verdicts = [Verdict("failed", "so it is")]
    with pytest.raises(failed) as raised:
        sensor(**options).execute(context_for(sensor(**options)))
    assert type(raised.value) is failed
    answers.missing = "there is no DAG 'other'" if missing is ExternalDagMissing else "DAG 'other' has none"
    with pytest.raises(missing):
        sensor(check_existence=True, **options).execute(context_for(sensor(**options)))


def test_what_does_not_exist_is_told(answers: Answers, context_for: Any) -> None:
    answers.missing = "there is no DAG 'other'"
    task = sensor(check_existence=True)
    with pytest.raises(TaskError, match="there is no DAG 'other', which this sensor waits for"):
        task.execute(context_for(task))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"external_task_id": "a", "external_task_ids": ["b"]}, "one of external_task_id, external_task_ids"),
        ({"execution_delta": dt.timedelta(1), "execution_date_fn": lambda date: date}, "one of execution_delta"),
        ({"external_task_id": "a", "allowed_states": ["done"]}, "unknown state 'done'"),
        ({"allowed_states": ["skipped"]}, "unknown state 'skipped'"),
        ({"allowed_states": "success"}, r"write \['success'\]"),
        ({"allowed_states": ["failed"], "failed_states": ["failed"]}, "only: failed, failed"),
    ],
)
def test_a_sensor_that_can_not_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        sensor(**options)


def test_an_id_given_twice_is_refused(answers: Answers, context_for: Any) -> None:
    task = sensor(external_task_ids=["a", "a"])
    with pytest.raises(InvalidArgument, match="has an id twice: a, a"):
        task.execute(context_for(task))


def trigger(**options: Any) -> TriggerDagRunOperator:
    with DAG("d"):
        return TriggerDagRunOperator(task_id="t", trigger_dag_id="other", **options)


def test_a_run_is_asked_for(answers: Answers, runtime: Any, context_for: Any) -> None:
    later = (DAY + dt.timedelta(hours=1)).isoformat()
    task = trigger(
        trigger_run_id="r1",
        conf={"x": 1},
        logical_date=DAY,
        run_after=later,
        note="why",
        fail_when_dag_is_paused=True,
    )
    task.execute(context_for(task))
    assert answers.started == [
        {
            "dag_id": "other",
            "run_id": "r1",
            "conf": b'{"x": 1}',
            "logical_date": "2026-03-01T05:00:00+00:00",
            "run_after": "2026-03-01T06:00:00+00:00",
            "reset": False,
            "refuse_paused": True,
            "note": "why",
        }
    ]
    assert runtime.pushed == {"trigger_run_id": "r1"}


def test_a_run_that_is_there_fails_or_skips_the_task(answers: Answers, context_for: Any) -> None:
    answers.outcome = "exists"
    task = trigger(trigger_run_id="r1")
    with pytest.raises(TaskError, match="DAG 'other' has a run 'r1' already; give another"):
        task.execute(context_for(task))
    for yes in (True, "True"):
        task = trigger(trigger_run_id="r1", skip_when_already_exists=yes)
        with pytest.raises(TaskSkipped):
            task.execute(context_for(task))


def test_that_the_other_dag_is_paused_is_said(
    answers: Answers, context_for: Any, caplog: pytest.LogCaptureFixture
) -> None:
    task = trigger()
    task.execute(context_for(task))
    assert "paused" not in caplog.text
    answers.is_paused = True
    task.execute(context_for(task))
    assert "DAG other is paused: the run stays queued until `bide dags unpause other`" in caplog.text


def test_it_waits_by_looking(answers: Answers, runtime: Any, context_for: Any) -> None:
    answers.verdicts = [Verdict("waiting", "run r1 is running"), Verdict("success", "fine")]
    task = trigger(wait_for_completion=True, poke_interval=7)
    before = runtime.time
    task.execute(context_for(task))
    assert runtime.time - before == dt.timedelta(seconds=7)
    answers.verdicts = [Verdict("failed", "run r1 is failed")]
    with pytest.raises(TaskError, match="DAG 'other': run r1 is failed"):
        task.execute(context_for(task))


def test_it_waits_deferred(answers: Answers, context_for: Any) -> None:
    task = trigger(trigger_run_id="r1", wait_for_completion=True, deferrable=True, failed_states=[])
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context_for(task))
    assert deferred.value.trigger.watch == Watch("other", run_ids=("r1",), ends=True)
    task.execute_complete(context_for(task), None)


def test_a_trigger_that_can_not_be_is_refused(answers: Answers, context_for: Any) -> None:
    with pytest.raises(InvalidArgument, match="unknown state 'done'"):
        trigger(allowed_states=["done"])
    task = trigger(conf={"x": object()})
    with pytest.raises(InvalidArgument, match="conf must be what JSON can hold"):
        task.execute(context_for(task))


def test_in_tests_an_event_stands_for_the_other_run() -> None:
    with DAG("d") as dag:
        ExternalTaskSensor(task_id="s", external_dag_id="other", external_task_id="a", deferrable=True)
    result = run_dag(dag, events={"s": {"status": "success"}})
    assert result["s"].state == "success"
    result = run_dag(dag, events={"s": {"status": "failed", "seen": "it broke"}}, raise_on_failure=False)
    assert result["s"].state == "failed" and "it broke" in result["s"].log


def test_a_marker_is_an_empty_task() -> None:
    with DAG("d") as dag:
        ExternalTaskMarker(task_id="m", external_dag_id="other", external_task_id="{{ ti.task_id }}")
    result = run_dag(dag, logical_date=DAY)["m"]
    assert result.xcom == {"external_task": ["other", "m", "2026-03-01T05:00:00+00:00"]}
    with DAG("e"), pytest.raises(InvalidArgument, match="recursion_depth must be 1 or more"):
        ExternalTaskMarker(task_id="n", external_dag_id="other", external_task_id="a", recursion_depth=0)
