import datetime as dt

import pytest

from bide.authoring.context import DagRun
from bide.authoring.dag import DAG
from bide.authoring.deferral import TaskDeferred, TaskRescheduled
from bide.model.errors import InvalidArgument
from bide.standard.sensors.time import (
    DateTimeSensor,
    DateTimeSensorAsync,
    TimeDeltaSensor,
    TimeDeltaSensorAsync,
    TimeSensor,
    TimeSensorAsync,
    WaitSensor,
)

NOON = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)  # when the runtime and all tries here start


def deferred(sensor, context):
    with pytest.raises(TaskDeferred) as raised:
        sensor.execute(context)
    return raised.value


@pytest.mark.parametrize(
    ("sensor", "due"),
    [
        (
            lambda: DateTimeSensorAsync(task_id="s", target_time=NOON + dt.timedelta(hours=3)),
            NOON + dt.timedelta(hours=3),
        ),
        (
            lambda: DateTimeSensor(task_id="s", target_time="2026-03-01T18:00:00+02:00", deferrable=True),
            NOON.replace(hour=16),
        ),
        (
            lambda: DateTimeSensor(task_id="s", target_time="2026-03-01 18:00", deferrable=True),
            NOON.replace(hour=18),
        ),
        (
            lambda: TimeDeltaSensorAsync(task_id="s", delta=dt.timedelta(minutes=1)),
            NOON + dt.timedelta(minutes=1),
        ),
    ],
)
def test_a_deferrable_sensor_waits_in_a_timer(runtime, context_of, sensor, due):
    task = sensor()
    found = deferred(task, context_of(task))
    assert found.trigger.due_at == due
    assert found.method_name == "execute_complete"
    assert found.timeout_seconds == 7 * 24 * 3600
    runtime.moment = due
    assert task.execute(context_of(task)) is None
    assert task.execute_complete(context_of(task), event=due) is None


def test_the_span_counts_from_the_end_of_the_data_interval(runtime, context_of):
    task = TimeDeltaSensor(task_id="s", delta=dt.timedelta(hours=2), deferrable=True)
    run = DagRun(dag_id="d", run_id="r", data_interval_end=NOON - dt.timedelta(hours=1), run_after=NOON)
    assert deferred(task, context_of(task, run=run)).trigger.due_at == NOON + dt.timedelta(hours=1)


@pytest.mark.parametrize(
    ("sensor", "span"),
    [
        (lambda text: TimeDeltaSensor(task_id="s", delta=text, deferrable=True), "1:30:00"),
        (lambda text: WaitSensor(task_id="s", time_to_wait=text, deferrable=True), "1:30:00"),
        (lambda text: WaitSensor(task_id="s", time_to_wait=text, deferrable=True), "90"),
        (lambda text: WaitSensor(task_id="s", time_to_wait=text, deferrable=True), "0 days, 01:30:00.0"),
    ],
)
def test_spans_may_be_templates(runtime, context_of, sensor, span):
    task = sensor("{{ params.span }}")
    context = {**context_of(task), "params": {"span": span}}
    task.render_template_fields(context)
    assert deferred(task, context).trigger.due_at == NOON + dt.timedelta(minutes=90)


@pytest.mark.parametrize("span", ["soon", "90", "-1:30", "1 day"])
def test_a_template_that_comes_to_no_span_is_told(runtime, context_of, span):
    task = TimeDeltaSensor(task_id="s", delta=span, deferrable=True)
    with pytest.raises(InvalidArgument, match=f"delta must be a timedelta.*{span}"):
        task.execute(context_of(task))


def test_a_wait_may_end_from_its_trigger(runtime, context_of):
    task = TimeDeltaSensorAsync(task_id="s", delta=dt.timedelta(hours=2), end_from_trigger=True)
    found = deferred(task, context_of(task))
    assert found.method_name is None
    assert found.trigger.end_from_trigger


def test_without_deferral_it_looks_again_and_again(runtime, context_of):
    task = TimeDeltaSensor(task_id="s", delta=dt.timedelta(hours=2), deferrable=False, mode="reschedule")
    with pytest.raises(TaskRescheduled):
        task.execute(context_of(task))
    runtime.moment += dt.timedelta(hours=2)
    assert task.execute(context_of(task)) is None


@pytest.mark.parametrize("cls", [TimeSensor, TimeSensorAsync])
def test_a_time_of_day_is_of_the_day_of_the_start(runtime, context_of, cls):
    with DAG("d", schedule=None, start_date=dt.datetime(2026, 1, 1)):
        task = cls(task_id="s", target_time=dt.time(14), deferrable=True)
    assert deferred(task, context_of(task)).trigger.due_at == NOON.replace(hour=14)
    runtime.moment += dt.timedelta(days=1)  # the next day counts for tries that start then
    assert task.execute(context_of(task)) is None
    late = context_of(task, start_date=runtime.moment)
    assert deferred(task, late).trigger.due_at == NOON.replace(hour=14, day=2)


def test_a_time_of_day_that_is_over_does_not_wait(runtime, context_of):
    task = TimeSensorAsync(task_id="s", target_time=dt.time(8, tzinfo=dt.UTC))
    assert task.execute(context_of(task)) is None


def test_a_time_of_day_is_of_the_zone_of_the_dag(runtime, context_of):
    zone = dt.timezone(dt.timedelta(hours=-5))
    with DAG("d", schedule=None, start_date=dt.datetime(2026, 1, 1, tzinfo=zone)):
        task = TimeSensorAsync(task_id="s", target_time=dt.time(8))
    assert deferred(task, context_of(task)).trigger.due_at == NOON.replace(hour=13)


def test_the_setting_decides_where_the_task_does_not(runtime, monkeypatch):
    def deferrable(**given):
        return DateTimeSensor(task_id="s", target_time=NOON, **given).deferrable

    assert not deferrable()
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")
    assert deferrable()
    monkeypatch.setenv("BIDE__OPERATORS__DEFAULT_DEFERRABLE", "false")
    assert not deferrable()
    runtime.settings["operators", "default_deferrable"] = "true"
    assert deferrable()
    assert not deferrable(deferrable=False)


@pytest.mark.parametrize(
    "make",
    [
        lambda: TimeDeltaSensor(task_id="s", delta=5),
        lambda: WaitSensor(task_id="s", time_to_wait=None),
        lambda: TimeSensor(task_id="s", target_time="08:00"),
    ],
)
def test_wrong_arguments_are_refused_when_the_file_is_read(make):
    with pytest.raises(InvalidArgument, match="'s'"):
        make()


@pytest.mark.parametrize("target", [None, 5, "soon"])
def test_a_target_that_is_no_moment_is_told_when_it_is_known(runtime, context_of, target):
    task = DateTimeSensor(task_id="s", target_time=target, deferrable=True)
    with pytest.raises(InvalidArgument, match="target_time"):
        task.execute(context_of(task))
