"""Arguments and attributes of earlier releases of Airflow work, and say once what to write instead."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from bide.authoring.calling import accepted_arguments
from bide.authoring.dag import DAG
from bide.authoring.older_names import CONTEXT_NAMES, DAG_ARGUMENTS, OLDER_RULES, PACKAGE_VALUES, TASK_ARGUMENTS
from bide.authoring.operator import BaseOperator, apply_defaults
from bide.authoring.python import PythonOperator
from bide.authoring.taskflow import task
from bide.authoring.templates import environment_for, render
from bide.authoring.trigger_rule import TriggerRule
from bide.model.provider_errors import RemovalWarning
from bide.standard.operators.bash import BashOperator
from bide.standard.operators.branch_by_time import BranchDateTimeOperator
from bide.standard.operators.empty import EmptyOperator
from bide.standard.operators.trigger_dagrun import TriggerDagRunOperator
from bide.standard.operators.virtualenv import PythonVirtualenvOperator
from bide.standard.sensors.external_task import ExternalTaskMarker

HERE = __file__
DOCKER = "airflow.providers.docker.operators.docker.DockerOperator"
LANDS = """
class Lands(BaseOperator):
    def __init__(self, *, auto_remove="never", **kwargs):
        super().__init__(**kwargs)
        self.auto_remove = auto_remove
"""


def told(make: Callable[[], Any]) -> list[str]:
    """What is said while `make` runs, all of it at lines of this file."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        make()
    assert all(one.category is RemovalWarning and one.filename == HERE for one in said), said
    return [str(one.message) for one in said]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({"schedule_interval": "@daily"}, lambda dag: dag.schedule == "@daily"),
        ({"timetable": "@daily"}, lambda dag: dag.schedule == "@daily"),
        ({"concurrency": 3}, lambda dag: dag.max_active_tasks == 3),
        ({"default_view": "grid"}, lambda dag: dag.default_view == "grid"),
        ({"orientation": "LR"}, lambda dag: dag.orientation == "LR"),
        ({"fail_stop": True}, lambda dag: dag.fail_fast),
        ({"sla_miss_callback": print}, lambda dag: dag.sla_miss_callback),
    ],
)
def test_an_argument_of_dags(arguments: dict[str, Any], found: Callable[[DAG], Any]) -> None:
    (name,) = arguments
    assert told(lambda: DAG("d", **arguments)) == [
        f"DAG 'd': the argument {name!r} is an older one: write {DAG_ARGUMENTS[name]}"
    ]
    assert found(DAG("d", **arguments))


@pytest.mark.parametrize(
    ("cls", "arguments", "found"),
    [
        (EmptyOperator, {"task_concurrency": 2}, lambda task: task.max_active_tis_per_dag == 2),
        (BashOperator, {"skip_exit_code": 3, "bash_command": "true"}, lambda task: task.skip_on_exit_code == 3),
        (EmptyOperator, {"xcom_push": False}, lambda task: not task.do_xcom_push),
        (EmptyOperator, {"sla": dt.timedelta(hours=1)}, lambda task: task.sla),
        (PythonOperator, {"provide_context": True, "python_callable": print}, lambda task: True),
        (
            TriggerDagRunOperator,
            {"execution_date": "2026-01-01", "trigger_dag_id": "d"},
            lambda task: task.logical_date == "2026-01-01",
        ),
        (
            ExternalTaskMarker,
            {"execution_date": "2026-01-01", "external_dag_id": "d", "external_task_id": "t"},
            lambda task: task.logical_date == "2026-01-01",
        ),
        (
            BranchDateTimeOperator,
            {
                "use_task_execution_date": True,
                "follow_task_ids_if_true": "a",
                "follow_task_ids_if_false": "b",
                "target_lower": dt.time(1),
                "target_upper": dt.time(2),
            },
            lambda task: task.use_task_logical_date,
        ),
        (
            PythonVirtualenvOperator,
            {"use_dill": True, "python_callable": told},
            lambda task: task.serializer == "dill",
        ),
    ],
)
def test_an_argument_of_operators(cls: Any, arguments: dict[str, Any], found: Callable[[Any], Any]) -> None:
    name = next(iter(arguments))
    assert told(lambda: cls(task_id="t", **arguments)) == [
        f"task 't' ({cls.__name__}): the argument {name!r} is an older one: write {TASK_ARGUMENTS[name]}"
    ]
    assert found(cls(task_id="t", **arguments))


def test_default_args_and_decorators_say_it_too() -> None:
    def make() -> None:
        with DAG("d", default_args={"task_concurrency": 1}):

            @task
            def work() -> None: ...

            work()

    (said,) = told(make)
    assert "'task_concurrency' is an older one: write max_active_tis_per_dag" in said


def test_an_older_value_of_an_operator_of_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PACKAGE_VALUES, "moon.operators.Lands", PACKAGE_VALUES[DOCKER])
    names: dict[str, Any] = {"__name__": "moon.operators", "BaseOperator": BaseOperator}
    exec(LANDS, names)
    lands = names["Lands"]
    for older, newer in ((True, "success"), (False, "never")):
        said = [f"task 't' (Lands): auto_remove={older!r} is an older value: write {newer!r}"]
        assert told(lambda older=older: lands(task_id="t", auto_remove=older)) == said
        assert lands(task_id="t", auto_remove=older).auto_remove == newer
    assert told(lambda: [lands(task_id="t"), lands(task_id="t", auto_remove="force")]) == []
    assert lands(task_id="t", auto_remove=["unhashable"]).auto_remove == ["unhashable"]


def test_an_operator_of_ones_own_may_mean_something_else() -> None:
    class Report(BaseOperator):
        def __init__(self, *, execution_date: str, sla: str = "gold", **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.when = execution_date

    assert told(lambda: Report(task_id="t", execution_date="today")) == []


@pytest.mark.parametrize(("older", "newer"), OLDER_RULES.items())
def test_a_trigger_rule(older: str, newer: str) -> None:
    said = [f"the trigger rule {older!r} is an older name: write {newer!r}"]
    assert told(lambda: EmptyOperator(task_id="t", trigger_rule=older)) == said
    assert told(lambda: getattr(TriggerRule, older.upper())) == told(lambda: TriggerRule(older)) == said
    assert EmptyOperator(task_id="t", trigger_rule=older).trigger_rule == newer
    assert getattr(TriggerRule, older.upper()) is TriggerRule(older) is TriggerRule(newer)


def test_a_rule_that_never_was() -> None:
    assert not hasattr(TriggerRule, "NO_SUCH_RULE") and not hasattr(TriggerRule, "dummy")
    with pytest.raises(ValueError, match="'never' is not a valid TriggerRule"):
        TriggerRule("never")


def test_a_new_name_says_nothing() -> None:
    assert told(lambda: DAG("d", schedule="@daily", max_active_tasks=3, fail_fast=True)) == []
    assert told(lambda: EmptyOperator(task_id="t", max_active_tis_per_dag=2, do_xcom_push=False)) == []


@pytest.mark.parametrize("name", [name for name in CONTEXT_NAMES if not name.endswith("_success")])
def test_a_name_of_the_context(name: str, context_for: Any) -> None:
    with DAG("d", schedule="@daily"):
        context = context_for(EmptyOperator(task_id="t"))
    said = [f"the context's {name!r} is an older name: write {CONTEXT_NAMES[name]}"]
    assert told(lambda: context[name]) == told(lambda: context.get(name)) == said


def test_a_template_with_a_name_of_the_context_says_it_at_its_own_line(context_for: Any) -> None:
    with DAG("d", schedule="@daily"):
        context = context_for(EmptyOperator(task_id="t"))
    template = environment_for(None).from_string("{{ yesterday_ds }}\n{{ tomorrow_ds }}")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert render(template, context) == "2026-02-28\n2026-03-02"
    assert [(one.category, one.filename) for one in said] == [(RemovalWarning, "<template>")] * 2


def test_who_goes_through_all_names_is_told_nothing(context_for: Any) -> None:
    with DAG("d", schedule="@daily"):
        context = context_for(EmptyOperator(task_id="t"))
    assert told(lambda: [dict(context), {**context}, list(context.items()), "execution_date" in context]) == []
    assert dict(context)["execution_date"] == context["logical_date"]

    def work(**kwargs: Any) -> Any:
        return kwargs["execution_date"]

    assert told(lambda: work(**accepted_arguments(work, (), context, {}))) == []
    assert work(**accepted_arguments(work, (), context, {})) == context["logical_date"]


def test_attributes_and_methods(context_for: Any) -> None:
    dag = DAG("d", schedule="@daily")
    assert told(dag.test_cycle) == ["DAG 'd': test_cycle() is not needed: a circle is found when the file is read"]
    assert "write schedule" in told(lambda: dag.schedule_interval)[0]
    assert "write max_active_tasks" in told(lambda: dag.concurrency)[0]
    assert "leave it out" in told(lambda: apply_defaults(print))[0]
    with dag:
        context = context_for(EmptyOperator(task_id="t"))
    assert told(lambda: context["ti"].execution_date) == ["execution_date is an older name: write logical_date"]
    assert told(lambda: context["dag_run"].execution_date) == told(lambda: context["ti"].execution_date)
