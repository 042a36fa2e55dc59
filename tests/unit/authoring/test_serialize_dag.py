"""From a DAG to what the engine stores of it."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pendulum
import pytest

from bide.authoring.dag import DAG
from bide.authoring.group import TaskGroup
from bide.authoring.operator import BaseOperator
from bide.authoring.params import Param
from bide.authoring.python import PythonOperator
from bide.authoring.serialize import schedule_of, serialize_dag, validate_dag
from bide.authoring.taskflow import task
from bide.model.dag_spec import GroupSpec, ScheduleSpec, decode_spec, encode_spec
from bide.model.errors import AuthoringError, CycleError, InvalidArgument, InvalidSchedule, NotSerializable


def spec_of(made: DAG) -> Any:
    spec = serialize_dag(made, file="/dags/d.py", folder="/dags")
    assert decode_spec(encode_spec(spec)) == spec, "it must survive being stored"
    return spec


def test_a_whole_dag() -> None:
    with DAG(
        "d",
        description="what",
        schedule="0 6 * * *",
        start_date=dt.datetime(2024, 1, 1, tzinfo=ZoneInfo("Europe/Zurich")),
        end_date=dt.datetime(2025, 1, 1),
        catchup=True,
        max_active_runs=2,
        max_active_tasks=3,
        tags=["b", "a"],
        doc_md="# D",
        params={"x": 1, "y": Param("a", type="string"), "z": Param([1, {"k": None}])},
        is_paused_upon_creation=False,
    ) as made:
        first = PythonOperator(
            task_id="first",
            python_callable=print,
            retries=3,
            retry_delay=dt.timedelta(minutes=5),
            retry_exponential_backoff=True,
            max_retry_delay=3600,
            execution_timeout=dt.timedelta(hours=1),
            queue="q",
            pool="p",
            pool_slots=2,
            owner="amy",
            trigger_rule="all_done",
            doc_md="first",
        )
        with TaskGroup("outer", tooltip="out"), TaskGroup("inner"):
            second = PythonOperator(
                task_id="second", python_callable=print, op_args=[first.output, first.output["k"]]
            )
        first >> second
    spec = spec_of(made)

    assert (spec.dag_id, spec.file, spec.folder, spec.description) == ("d", "/dags/d.py", "/dags", "what")
    assert spec.schedule == ScheduleSpec("cron", ("0 6 * * *",), "Europe/Zurich", "0 6 * * *")
    assert (spec.start_date, spec.end_date) == ("2023-12-31T23:00:00+00:00", "2025-01-01T00:00:00+00:00")
    assert spec.catchup and (spec.max_active_runs, spec.max_active_tasks) == (2, 3)
    assert spec.tags == ("a", "b") and spec.doc == "# D" and spec.paused_on_creation is False
    assert spec.params == {"x": 1, "y": "a", "z": [1, {"k": None}]} and spec.owner == "airflow, amy"
    assert spec.groups == (GroupSpec("outer", None, "out"), GroupSpec("outer.inner", "outer", ""))

    one, two = spec.tasks
    assert (one.task_id, one.operator, one.upstream, one.trigger_rule) == (
        "first",
        "PythonOperator",
        (),
        "all_done",
    )
    assert (one.retries, one.retry_delay, one.retry_backoff, one.max_retry_delay) == (3, 300.0, 2.0, 3600.0)
    assert (one.execution_timeout, one.queue, one.pool, one.pool_slots) == (3600.0, "q", "p", 2)
    assert (one.owner, one.doc, one.group_id, one.soft_fail) == ("amy", "first", None, False)
    assert one.template_fields == ("templates_dict", "op_args", "op_kwargs")
    assert (two.task_id, two.upstream, two.group_id) == ("outer.inner.second", ("first",), "outer.inner")
    assert two.reads == (("first", "k"), ("first", "return_value"))


def test_equal_dags_have_equal_bytes() -> None:
    def build() -> bytes:
        with DAG("d", tags=["c", "b", "a"], params={"x": 1}) as made:
            tasks = [BaseOperator(task_id=f"t{index}") for index in range(8)]
            tasks[:7] >> tasks[7]
        return encode_spec(spec_of(made))

    assert build() == build()


@pytest.mark.parametrize(("given", "factor"), [(False, 1.0), (True, 2.0), (3, 3.0), (1.5, 1.5), (0, 1.0)])
def test_backoff(given: Any, factor: float) -> None:
    with DAG("d") as made:
        BaseOperator(task_id="t", retry_exponential_backoff=given)
    assert spec_of(made).tasks[0].retry_backoff == factor


def test_soft_fail_of_a_sensor_is_known_to_the_engine() -> None:
    class Soft(BaseOperator):
        soft_fail = True

    with DAG("d") as made:
        Soft(task_id="t")
    assert spec_of(made).tasks[0].soft_fail is True


def test_priorities_add_up_by_rule() -> None:
    with DAG("d") as made:
        a, b, c, d = (BaseOperator(task_id=name, priority_weight=10**index) for index, name in enumerate("abcd"))
        a >> [b, c] >> d
        up = BaseOperator(task_id="up", weight_rule="upstream", priority_weight=5)
        alone = BaseOperator(task_id="alone", weight_rule="absolute", priority_weight=7)
        d >> [up, alone]
    weights = {spec.task_id: spec.priority_weight for spec in spec_of(made).tasks}
    assert weights == {"a": 1123, "b": 1022, "c": 1112, "d": 1012, "up": 1116, "alone": 7}
    assert a.priority_weight == 1


def _schedule(**options: Any) -> ScheduleSpec:
    return schedule_of(DAG("d", **options))


@pytest.mark.parametrize("name", ["schedule", "schedule_interval"])
@pytest.mark.parametrize(
    ("given", "kind", "expression"),
    [
        (None, "none", ""),
        ("@once", "once", ""),
        ("@hourly", "cron", "0 * * * *"),
        ("@daily", "cron", "0 0 * * *"),
        ("@weekly", "cron", "0 0 * * 0"),
        ("@monthly", "cron", "0 0 1 * *"),
        ("30 8 * * 1-5", "cron", "30 8 * * 1-5"),
        ("0 */4 * * *", "cron", "0 */4 * * *"),
    ],
)
def test_schedules(name: str, given: Any, kind: str, expression: str) -> None:
    found = _schedule(**{name: given})
    assert (found.kind, found.expressions, found.timezone) == (kind, (expression,) if expression else (), "UTC")


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        (dt.UTC, "UTC"),
        (ZoneInfo("Asia/Tokyo"), "Asia/Tokyo"),
        (pendulum.timezone("Europe/Paris"), "Europe/Paris"),
        (dt.timezone(dt.timedelta(hours=2)), "Etc/GMT-2"),
        (dt.timezone(dt.timedelta(hours=-5)), "Etc/GMT+5"),
        (dt.timezone(dt.timedelta(0)), "UTC"),
    ],
)
def test_a_schedule_is_read_in_the_zone_of_the_start(zone: dt.tzinfo, name: str) -> None:
    assert _schedule(schedule="@daily", start_date=dt.datetime(2024, 1, 1, tzinfo=zone)).timezone == name


class SomeTimetable:
    """Stands for a timetable."""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"schedule": "61 * * * *"}, "DAG 'd': '61 * * * *' is no cron expression"),
        ({"schedule": "* * *"}, "DAG 'd': '* * *' is no cron expression"),
        ({"schedule": "@dayly"}, "DAG 'd': '@dayly' is no schedule"),
        ({"schedule": "0 0 31 2 *"}, "DAG 'd': '0 0 31 2 *' is no cron expression: Bad day-of-month"),
        ({"schedule": dt.timedelta(days=-1)}, "DAG 'd': datetime.timedelta(days=-1) is no span between runs"),
        ({"schedule": ["dataset"]}, "DAG 'd': a schedule given as a list (['dataset']) is not supported"),
        ({"timetable": SomeTimetable()}, "DAG 'd': a schedule given as a SomeTimetable"),
        (
            {
                "schedule": "@daily",
                "start_date": dt.datetime(2024, 1, 1, tzinfo=dt.timezone(dt.timedelta(minutes=90))),
            },
            "unknown time zone '+01:30'",
        ),
    ],
)
def test_schedules_that_cannot_be(options: dict[str, Any], words: str) -> None:
    made = DAG("d", **options)  # making it is no error, so that other DAGs of the file live on
    with pytest.raises(InvalidSchedule) as caught:
        validate_dag(made)
    assert words in str(caught.value)


def test_a_cycle_is_named_with_its_dag() -> None:
    with DAG("d") as made:
        a, b = BaseOperator(task_id="a"), BaseOperator(task_id="b")
        a >> b >> a
    with pytest.raises(CycleError, match=r"^DAG 'd': tasks wait for each other in a circle: a -> b -> a$"):
        validate_dag(made)


def test_what_was_changed_after_the_making_is_checked_too() -> None:
    with DAG("d") as made:
        changed = BaseOperator(task_id="t")
    changed.retries = "many"  # type: ignore[assignment]
    with pytest.raises(InvalidArgument, match="DAG 'd', task 't': retries must be an integer, not str: 'many'"):
        validate_dag(made)


def test_the_result_of_a_task_of_another_dag_is_refused() -> None:
    with DAG("other"):
        stranger = BaseOperator(task_id="x")
    with DAG("d") as made:
        taker = PythonOperator(task_id="t", python_callable=print)
    object.__setattr__(taker, "op_args", [stranger.output])
    with pytest.raises(
        AuthoringError, match=r"DAG 'd', task 't' takes the result of 'x', which is not in that DAG"
    ):
        validate_dag(made)


def test_an_end_before_the_start_is_refused() -> None:
    made = DAG("d", start_date=dt.datetime(2024, 2, 1), end_date=dt.datetime(2024, 1, 1))
    with pytest.raises(AuthoringError, match=r"DAG 'd' ends .* before it starts"):
        validate_dag(made)


@pytest.mark.parametrize("value", [object(), {1, 2}, dt.datetime(2024, 1, 1), (1, 2)])
def test_defaults_of_params_must_be_json(value: Any) -> None:
    with pytest.raises(NotSerializable, match="DAG 'd', param 'x'"):
        serialize_dag(DAG("d", params={"x": value}), file="d.py", folder=".")


def test_a_param_that_mentions_the_tag_is_no_tag() -> None:
    params = {"x": 'a text with "__bide__" in it'}
    assert serialize_dag(DAG("d", params=params), file="d.py", folder=".").params == params


def test_a_thousand_tasks_are_serialised_in_order() -> None:
    with DAG("d") as made:

        @task
        def step(before: Any = None) -> None: ...

        result = None
        for _ in range(1000):
            result = step(result)
    spec = spec_of(made)
    assert [one.task_id for one in spec.tasks[:3]] == ["step", "step__1", "step__2"]
    assert spec.tasks[0].priority_weight == 1000 and spec.tasks[-1].priority_weight == 1


# --- runs


def test_what_a_dag_says_of_its_runs_is_stored() -> None:
    with DAG(
        "d",
        dagrun_timeout=dt.timedelta(minutes=2),
        max_consecutive_failed_dag_runs=3,
        allowed_run_types=["scheduled", "manual"],
        fail_stop=True,
        catchup=True,
    ) as dag:
        BaseOperator(task_id="a", wait_for_downstream=True, ignore_first_depends_on_past=False)
    spec = spec_of(dag)
    assert (spec.dagrun_timeout, spec.max_consecutive_failed_dag_runs, spec.fail_fast) == (120.0, 3, True)
    assert spec.allowed_run_types == ("manual", "scheduled")
    (task,) = spec.tasks
    assert (task.depends_on_past, task.wait_for_downstream, task.ignore_first_depends_on_past) == (
        True,
        True,
        False,
    )


def test_the_settings_say_whether_runs_are_caught_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert DAG("d").catchup is False
    monkeypatch.setenv("BIDE__SCHEDULER__CATCHUP_BY_DEFAULT", "true")
    assert DAG("d").catchup is True
    assert DAG("d", catchup=False).catchup is False


def test_tasks_of_a_dag_that_fails_fast_have_the_plain_rule() -> None:
    with DAG("d", fail_fast=True) as dag:
        BaseOperator(task_id="a", trigger_rule="all_done")
    with pytest.raises(AuthoringError, match=r"DAG 'd', task 'a' has trigger_rule 'all_done': .* 'all_success'"):
        validate_dag(dag)


def test_an_unknown_type_of_run_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="unknown run type 'schedule'; did you mean 'scheduled'"):
        DAG("d", allowed_run_types=["schedule"])
