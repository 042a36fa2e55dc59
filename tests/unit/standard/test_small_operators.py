"""Sensors of functions, commands and days; branches by time; the latest run; ``@task.bash``."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

import pytest

from bide import DAG, DagRunInfo, EmptyOperator, PokeReturnValue, Timetable, task
from bide.model.errors import InvalidArgument
from bide.standard.operators.branch_by_time import BranchDateTimeOperator, BranchDayOfWeekOperator
from bide.standard.operators.latest_only import LatestOnlyOperator
from bide.standard.sensors.bash import BashSensor
from bide.standard.sensors.python import PythonSensor
from bide.standard.sensors.weekday import DayOfWeekSensor
from bide.standard.weekdays import WEEKEND, WORKING_DAYS, WeekDay
from bide.testing import RunFailed, SkippingClock, run_dag

SUNDAY = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def run_at(dag: DAG, moment: dt.datetime = SUNDAY, **options: Any) -> Any:
    return run_dag(dag, clock=SkippingClock(moment), **options)


# --- sensors


def test_a_python_sensor_looks_until_the_function_says_so() -> None:
    looks: list[str] = []

    def ready(limit: int, ds: str, templates_dict: Any = None) -> Any:
        looks.append(f"{ds} {templates_dict['x']}")
        return PokeReturnValue(is_done=len(looks) >= limit, xcom_value=len(looks))

    with DAG("d") as dag:
        PythonSensor(
            task_id="s",
            python_callable=ready,
            op_args=[3],
            templates_dict={"x": "{{ ti.task_id }}"},
            poke_interval=10,
            mode="reschedule",
        )
    result = run_at(dag, logical_date="2026-03-01")
    assert looks == ["2026-03-01 s"] * 3 and result["s"].result == 3
    assert result.duration >= dt.timedelta(seconds=20)


def test_a_sensor_as_a_decorated_function() -> None:
    with DAG("d") as dag:

        @task
        def one() -> int:
            return 1

        @task.sensor(poke_interval=5, timeout=60)
        def there(number: int, ti=None):
            return PokeReturnValue(is_done=number == 1, xcom_value="found")

        @task.sensor(poke_interval=5, timeout=12, soft_fail=True)
        async def never():
            return False

        there(one())
        never()
    with DAG("e"), pytest.raises(InvalidArgument, match="can't be called like this"):
        there()
    result = run_at(dag)
    assert (result["there"].result, result["never"].state) == ("found", "skipped")
    assert dag.get_task("there").operator_name == "@task.sensor"


def test_a_bash_sensor_waits_for_exit_code_0(tmp_path: Path) -> None:
    with DAG("d") as dag:
        common = {"env": {"FILE": str(tmp_path / "tries"), "PATH": os.environ["PATH"]}, "poke_interval": 5}
        count = 'echo x >> "$FILE"; test $(wc -l < "$FILE") -ge {{ 3 }}'
        BashSensor(task_id="waits", bash_command=count, **common)
        BashSensor(task_id="retries", bash_command="exit 3", retry_exit_code=3, timeout=12, **common)
        BashSensor(task_id="fails", bash_command="exit 4", retry_exit_code=3, **common)
    result = run_at(dag, raise_on_failure=False)
    assert result["waits"].state == "success" and (tmp_path / "tries").read_text() == "x\n" * 3
    assert "timed out" in result["retries"].error
    assert "exit code 4" in result["fails"].error


@pytest.mark.parametrize(
    ("day", "options", "waits"),
    [
        ("Sunday", {}, dt.timedelta(0)),
        (WeekDay.MONDAY, {}, dt.timedelta(hours=12)),
        ({"tuesday", WeekDay.WEDNESDAY}, {}, dt.timedelta(hours=36)),
        ("Saturday", {"use_task_logical_date": True}, dt.timedelta(0)),
        (WEEKEND, {}, dt.timedelta(0)),
    ],
)
def test_a_sensor_waits_for_a_day(day: Any, options: dict[str, Any], waits: dt.timedelta) -> None:
    with DAG("d") as dag:
        DayOfWeekSensor(task_id="s", week_day=day, poke_interval=3600, mode="reschedule", **options)
    result = run_at(dag, logical_date="2026-02-28T12:00:00+00:00")
    assert waits <= result.duration < waits + dt.timedelta(hours=1)


def test_the_day_is_that_of_the_dags_time_zone() -> None:
    from zoneinfo import ZoneInfo

    start = dt.datetime(2026, 1, 1, tzinfo=ZoneInfo("Pacific/Auckland"))
    with DAG("d", start_date=start) as dag:
        DayOfWeekSensor(task_id="s", week_day="Monday", timeout=1)
    assert run_at(dag)["s"].state == "success"  # noon in UTC is past midnight there


def test_a_day_that_is_none_is_refused() -> None:
    with DAG("d"), pytest.raises(InvalidArgument, match="week_day 'Mittwoch' is no day of the week"):
        DayOfWeekSensor(task_id="s", week_day="Mittwoch")
    assert len(WORKING_DAYS) == 5


# --- branches


def followed(make: Any, moment: dt.datetime = SUNDAY, **options: Any) -> str:
    with DAG("d") as dag:
        make() >> [EmptyOperator(task_id="yes"), EmptyOperator(task_id="no")]
    states = run_at(dag, moment, **options).states
    (name,) = [name for name in ("yes", "no") if states[name] == "success"]
    return name


@pytest.mark.parametrize(
    ("lower", "upper", "hour", "branch"),
    [
        (dt.time(10), dt.time(14), 12, "yes"),
        (dt.time(10), dt.time(11), 12, "no"),
        (dt.time(22), dt.time(2), 23, "yes"),
        (dt.time(22), dt.time(2), 1, "yes"),
        (dt.time(22), dt.time(2), 12, "no"),
        (None, dt.time(13), 12, "yes"),
        (dt.time(13), None, 12, "no"),
        (SUNDAY.replace(hour=0), SUNDAY.replace(hour=13), 12, "yes"),
        (SUNDAY.replace(hour=0, day=2), None, 12, "no"),
        (SUNDAY.replace(hour=0, tzinfo=None), dt.time(13), 12, "yes"),
    ],
)
def test_a_branch_by_time(lower: Any, upper: Any, hour: int, branch: str) -> None:
    def make() -> BranchDateTimeOperator:
        return BranchDateTimeOperator(
            task_id="pick",
            follow_task_ids_if_true="yes",
            follow_task_ids_if_false=["no"],
            target_lower=lower,
            target_upper=upper,
        )

    assert followed(make, SUNDAY.replace(hour=hour)) == branch


def test_a_branch_by_the_logical_date() -> None:
    def make() -> BranchDateTimeOperator:
        return BranchDateTimeOperator(
            task_id="pick",
            follow_task_ids_if_true="yes",
            follow_task_ids_if_false="no",
            target_lower=None,
            target_upper=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
            use_task_logical_date=True,
        )

    assert followed(make, logical_date="2025-12-31") == "yes"
    assert followed(make, logical_date="2026-01-02") == "no"


def test_bounds_that_are_none_are_refused() -> None:
    options: dict[str, Any] = {"task_id": "pick", "follow_task_ids_if_true": "a", "follow_task_ids_if_false": "b"}
    with DAG("d"), pytest.raises(InvalidArgument, match="give target_lower, target_upper or both"):
        BranchDateTimeOperator(target_lower=None, target_upper=None, **options)
    with DAG("e"), pytest.raises(InvalidArgument, match="target_lower must be a datetime or a time, not '10:00'"):
        BranchDateTimeOperator(target_lower="10:00", target_upper=None, **options)


@pytest.mark.parametrize(
    ("day", "options", "branch"),
    [("sunday", {}, "yes"), (WORKING_DAYS, {}, "no"), ("Saturday", {"use_task_logical_date": True}, "yes")],
)
def test_a_branch_by_the_day(day: Any, options: dict[str, Any], branch: str) -> None:
    def make() -> BranchDayOfWeekOperator:
        return BranchDayOfWeekOperator(
            task_id="pick", follow_task_ids_if_true="yes", follow_task_ids_if_false="no", week_day=day, **options
        )

    assert followed(make, logical_date="2026-02-28T12:00:00+00:00") == branch


# --- the latest run


class EveryTwoDays(Timetable):
    """A timetable of an author's own."""

    def next_dagrun_info(self, *, last_automated_data_interval: Any, restriction: Any) -> DagRunInfo:
        begin = last_automated_data_interval.end
        return DagRunInfo.interval(begin, begin + dt.timedelta(days=2))


def latest(moment: dt.datetime, context: dict[str, Any], schedule: Any = "@daily") -> bool:
    """What the operator chooses in a DAG of this schedule at `moment`."""
    from bide.authoring.context import DagRun
    from bide.authoring.runtime import use_runtime
    from bide.runner.runtimes import ProcessRuntime

    with DAG("d", schedule=schedule, start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC)):
        only = LatestOnlyOperator(task_id="latest")
        only >> EmptyOperator(task_id="next")
    run = DagRun(dag_id="d", run_id="r", **context)
    with use_runtime(ProcessRuntime(SkippingClock(moment))):
        return only.choose_branch({"dag_run": run}) == ["next"]  # type: ignore[arg-type]


def day(number: int, hour: int = 0) -> dt.datetime:
    return dt.datetime(2026, 3, number, hour, tzinfo=dt.UTC)


def test_only_the_latest_run_goes_on() -> None:
    second = {"run_type": "scheduled", "data_interval_start": day(2), "data_interval_end": day(3)}
    assert latest(day(3, 1), second)
    assert latest(day(3, 23), second)
    assert not latest(day(4), second)
    assert latest(day(20), {**second, "run_type": "manual"})
    assert latest(day(20), {"run_type": "scheduled"})


def test_the_latest_run_by_a_timetable_of_ones_own() -> None:
    second = {"run_type": "scheduled", "data_interval_start": day(2), "data_interval_end": day(4)}
    assert latest(day(5, 23), second, EveryTwoDays())
    assert not latest(day(6), second, EveryTwoDays())


# --- @task.bash


def test_a_function_says_which_command_to_run() -> None:
    with DAG("d") as dag:

        @task
        def word() -> str:
            return "hello"

        @task.bash(env={"NAME": "{{ ds }}"}, append_env=True)
        def command(text: str, params=None) -> str:
            return f'echo "{text} $NAME {{{{ ti.task_id }}}} {params["x"]}"'

        command(word())
        dag.params["x"] = 7
    result = run_dag(dag, logical_date="2026-03-01")
    assert result["command"].result == "hello 2026-03-01 command 7"
    assert dag.get_task("command").operator_name == "@task.bash"


def test_a_bash_function_has_to_return_a_command() -> None:
    with DAG("d") as dag:

        @task.bash
        def command():
            return 5

        command()
        with pytest.raises(InvalidArgument, match="not multiple_outputs"):
            task.bash(multiple_outputs=True)(lambda: "x")()
    with pytest.raises(RunFailed, match=r"a @task.bash function must return the command to run, not 5"):
        run_dag(dag)
