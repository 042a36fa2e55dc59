"""The context and the task instance."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pendulum
import pytest

from bide.authoring.context import Context, get_current_context, use_context
from bide.authoring.dag import DAG
from bide.authoring.operator import BaseOperator
from bide.authoring.params import Param
from bide.authoring.runtime import NoRuntime
from bide.model.errors import ConfigError, ConnectionNotFound, InvalidArgument, VariableNotFound

Contexts = Callable[..., Context]


@pytest.fixture
def task() -> BaseOperator:
    with DAG("d", params={"x": 1, "y": Param(2, type="integer")}):
        first, second, own = (BaseOperator(task_id=name) for name in ("first", "second", "own"))
        first >> second >> own
    own.params["y"] = 3
    return own


def test_the_usual_names(task: BaseOperator, context_for: Contexts, runtime: Any) -> None:
    start = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    context = context_for(
        task, conf={"x": 5}, data_interval_start=start, data_interval_end=start + dt.timedelta(days=1), try_number=2
    )
    assert context["ds"] == "2026-03-01" and context["ts"] == "2026-03-01T05:06:07+00:00"
    assert context["dag"] is task.dag and context["task"] is task
    assert context["run_id"] == context["dag_run"].run_id == "manual__2026-03-01"
    assert context["params"] == {"x": 5, "y": 3}
    assert context["data_interval_end"] == pendulum.datetime(2026, 3, 2)
    assert context["logical_date"] is context["execution_date"] is context["dag_run"].execution_date
    assert isinstance(context["logical_date"], pendulum.DateTime)
    assert context["try_number"] == context["ti"].try_number == 2
    assert context["test_mode"] is False and context["templates_dict"] is None
    assert context["task_instance_key_str"] == "d__own__20260301"
    assert context["macros"].ds_add("2026-03-01", 1) == "2026-03-02"
    assert context["dag_run"].conf == {"x": 5}


def test_a_run_without_logical_date_takes_its_dates_from_when_it_may_run(
    task: BaseOperator, context_for: Contexts
) -> None:
    context = context_for(task, logical_date=None)
    assert context["logical_date"] is None
    assert context["ds"] == "2026-03-01" and context["ts"] == "2026-03-01T12:00:00+00:00"
    assert context["task_instance_key_str"] == "d__own__manual__2026-03-01"


def test_all_of_it_can_be_passed_on_as_keywords(task: BaseOperator, context_for: Contexts) -> None:
    def function(**context: Any) -> Any:
        return context

    context = context_for(task)
    assert set(function(**context)) == set(context)
    assert len(context) == len(list(context))


def test_lazy_values_are_made_once_when_asked_for() -> None:
    made: list[int] = []
    context = Context({"a": 1}, {"b": lambda: made.append(1) or len(made)})
    assert "b" in context and made == []
    assert context["b"] == context["b"] == 1
    copied = context.copy()
    copied["c"] = 2
    assert "c" not in context
    del copied["a"]
    assert "a" in context and copied.get("a") is None
    context["b"] = 9
    assert context["b"] == 9


def test_what_is_not_kept_yet_is_no_silent_none(task: BaseOperator, context_for: Contexts) -> None:
    context = context_for(task)
    for name in ("task_reschedule_count",):
        with pytest.raises(NoRuntime, match=f"the context can't tell '{name}'"):
            _ = context[name]
        assert name not in dict(context)
    with pytest.raises(VariableNotFound, match="the variable 'x' isn't defined"):
        _ = context["var"].value.x
    with pytest.raises(ConnectionNotFound, match="the connection 'mine' isn't defined"):
        _ = context["conn"].mine
    with pytest.raises(KeyError):
        _ = context["nonsense"]


def test_conf_reads_settings(task: BaseOperator, context_for: Contexts, runtime: Any) -> None:
    runtime.settings["core", "parallelism"] = "4"
    conf = context_for(task)["conf"]
    assert conf.get("core", "parallelism") == "4"
    assert conf.getint("core", "parallelism") == 4 and conf.get("core", "nothing", fallback="x") == "x"
    with pytest.raises(ConfigError, match=r"\[core\] nothing is not set"):
        conf.get("core", "nothing")


def test_a_param_without_any_value_is_named(context_for: Contexts) -> None:
    with DAG("d", params={"must": Param(type=["null", "string"])}):
        task = BaseOperator(task_id="t")
    with pytest.raises(InvalidArgument, match="DAG 'd': param 'must' has no default, so the run's conf must give"):
        context_for(task)
    assert context_for(task, conf={"must": None})["params"] == {"must": None}


def test_the_instance_knows_itself(task: BaseOperator, context_for: Contexts) -> None:
    start = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
    ti = context_for(task, map_index=-1, try_number=2, max_tries=2, start_date=start)["ti"]
    assert (ti.dag_id, ti.task_id, ti.run_id, ti.map_index) == ("d", "own", "manual__2026-03-01", -1)
    assert ti.key == ("d", "own", "manual__2026-03-01", 2, -1)
    assert ti.start_date == start and isinstance(ti.start_date, pendulum.DateTime)
    assert ti.operator == "BaseOperator" and ti.queue == "default" and ti.pool == "default_pool"
    assert ti.is_eligible_to_retry and ti.get_dagrun() is ti.dag_run and ti.log is task.log
    assert ti.logical_date == ti.execution_date and ti.state == "running"


def test_the_instance_knows_where_its_log_is(task: BaseOperator, context_for: Contexts, runtime: Any) -> None:
    own = "/api/v2/dags/d/dagRuns/manual__2026-03-01/taskInstances/own/logs/2"
    ti = context_for(task, try_number=2)["ti"]
    assert ti.log_url == ti.mark_success_url == f"http://localhost:8080{own}"
    runtime.settings["api", "base_url"] = "https://bide.example.com/"
    assert ti.log_url == f"https://bide.example.com{own}"
    assert (
        context_for(task, try_number=2, map_index=3)["ti"].log_url == f"https://bide.example.com{own}?map_index=3"
    )
    moment = context_for(task, run_id="a+b c")["ti"]
    assert "/dagRuns/a%2Bb%20c/" in moment.log_url


def test_push(task: BaseOperator, context_for: Contexts, runtime: Any) -> None:
    context_for(task)["ti"].xcom_push(key="path", value="s3://x")
    assert runtime.pushed == {"path": "s3://x"}


def test_pull_of_one_task_gives_a_value(task: BaseOperator, context_for: Contexts, runtime: Any) -> None:
    ti = context_for(task)["ti"]
    runtime.stored = {("first", -1, "return_value"): 1, ("first", -1, "k"): None}
    assert ti.xcom_pull("first") == ti.xcom_pull(task_ids="first") == 1
    assert ti.xcom_pull(task_ids="first", key="k", default=5) is None
    assert ti.xcom_pull(task_ids="second") is None
    assert ti.xcom_pull(task_ids="second", default=7) == 7


def test_pull_of_several_tasks_gives_a_list_in_their_order(
    task: BaseOperator, context_for: Contexts, runtime: Any
) -> None:
    runtime.stored = {("first", -1, "return_value"): 1, ("second", -1, "return_value"): 2}
    ti = context_for(task)["ti"]
    assert ti.xcom_pull(["second", "missing", "first"]) == [2, None, 1]
    assert ti.xcom_pull(["second"]) == [2]


def test_pull_without_a_task_asks_itself_then_the_nearest_before(
    task: BaseOperator, context_for: Contexts, runtime: Any
) -> None:
    ti = context_for(task)["ti"]
    runtime.stored = {("first", -1, "k"): "far", ("second", -1, "k"): "near"}
    assert ti.xcom_pull(key="k") == "near"
    assert runtime.asked[-1]["task_ids"] == ["own", "second", "first"]
    runtime.stored["own", -1, "k"] = "mine"
    assert ti.xcom_pull(key="k") == "mine"
    assert ti.xcom_pull(key="nothing") is None


def test_pull_from_a_mapped_task_gives_a_list(task: BaseOperator, context_for: Contexts, runtime: Any) -> None:
    runtime.stored = {("first", index, "return_value"): index * 10 for index in range(3)}
    runtime.stored["second", -1, "return_value"] = "x"
    ti = context_for(task)["ti"]
    assert ti.xcom_pull("first") == [0, 10, 20]
    assert ti.xcom_pull("first", map_indexes=1) == 10
    assert ti.xcom_pull("first", map_indexes=[0, 2]) == [0, 20]
    assert ti.xcom_pull(["first", "second"]) == [0, 10, 20, "x"]
    assert runtime.asked[1]["map_indexes"] == (1,)


def test_pull_from_elsewhere(task: BaseOperator, context_for: Contexts, runtime: Any) -> None:
    context_for(task)["ti"].xcom_pull("t", dag_id="other", run_id="r", key="k")
    assert runtime.asked == [{"task_ids": ["t"], "key": "k", "dag_id": "other", "run_id": "r", "map_indexes": None}]


def test_without_a_runtime_there_are_no_xcoms(task: BaseOperator, context_for: Contexts) -> None:
    with pytest.raises(NoRuntime):
        context_for(task)["ti"].xcom_pull("first")


def test_the_current_context(task: BaseOperator, context_for: Contexts) -> None:
    context = context_for(task)
    with use_context(context):
        assert get_current_context() is context
    with pytest.raises(NoRuntime, match="no task is running here"):
        get_current_context()
