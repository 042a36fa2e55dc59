"""Operators: how they are made and what they refuse."""

from __future__ import annotations

import copy
import datetime as dt
import logging
from typing import Any

import pytest

from bide.authoring.dag import DAG
from bide.authoring.group import TaskGroup
from bide.authoring.operator import BaseOperator, apply_defaults
from bide.authoring.trigger_rule import TriggerRule
from bide.model.errors import AuthoringError, DeferralTimeout, InvalidArgument, InvalidId, TriggerFailure
from bide.model.failed_waits import TriggerFailureReason
from bide.model.trigger_rules import TEARDOWN_RULE, TRIGGER_RULES


class Job(BaseOperator):
    """An operator as people write them."""

    template_fields = ("query", "sources")

    @apply_defaults
    def __init__(self, query: str = "", sources: Any = None, region: str = "here", *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.query = query
        self.sources = sources
        self.region = region


class StrictJob(Job):
    """Sets an argument of its base class itself."""

    def __init__(self, *, bucket: str, **kwargs: Any) -> None:
        super().__init__(retries=7, **kwargs)
        self.bucket = bucket


def test_every_argument_of_airflow_is_accepted() -> None:
    task = BaseOperator(
        task_id="t",
        owner="me",
        email=["a@example.org"],
        email_on_retry=False,
        email_on_failure=False,
        retries=3,
        retry_delay=dt.timedelta(minutes=1),
        retry_exponential_backoff=True,
        max_retry_delay=dt.timedelta(hours=1),
        start_date=dt.datetime(2024, 1, 1),
        end_date=dt.datetime(2025, 1, 1),
        depends_on_past=False,
        ignore_first_depends_on_past=True,
        wait_for_past_depends_before_skipping=False,
        wait_for_downstream=True,
        params={"x": 1},
        default_args={"queue": "slow"},
        priority_weight=2,
        weight_rule="upstream",
        pool="p",
        pool_slots=2,
        sla=dt.timedelta(hours=2),
        execution_timeout=dt.timedelta(hours=3),
        on_execute_callback=print,
        on_failure_callback=print,
        on_success_callback=[print, repr],
        on_retry_callback=None,
        on_skipped_callback=print,
        trigger_rule=TriggerRule.ALL_DONE,
        resources={"cpus": 1},
        run_as_user="nobody",
        task_concurrency=4,
        max_active_tis_per_dagrun=5,
        executor="local",
        executor_config={"a": 1},
        do_xcom_push=False,
        multiple_outputs=True,
        inlets=[1],
        outlets="o",
        doc_md="x",
        task_display_name="T",
        logger_name="mine",
        allow_nested_operators=False,
    )
    assert task.retries == 3 and task.trigger_rule == "all_done" and task.queue == "slow"
    assert task.depends_on_past is True, "wait_for_downstream implies it"
    assert task.on_success_callback == [print, repr] and task.on_retry_callback == []
    assert task.max_active_tis_per_dag == 4 and task.outlets == ["o"]
    assert task.log.name == "bide.task.mine"


def test_xcom_push_is_another_name_of_do_xcom_push() -> None:
    assert Job(task_id="t", xcom_push=False).do_xcom_push is False
    assert Job(task_id="t", xcom_push=True, do_xcom_push=False).do_xcom_push is True


def test_default_args_fill_in_what_was_not_given() -> None:
    with DAG("d", default_args={"retries": 2, "region": "there", "owner": "team", "bucket": "b"}):
        job = Job(task_id="job")
        own = Job(task_id="own", retries=0, region="own")
        strict = StrictJob(task_id="strict")
    assert (job.retries, job.region, job.owner) == (2, "there", "team")
    assert (own.retries, own.region) == (0, "own")
    # The subclass's own word to its base class stands; its other arguments come from the defaults.
    assert (strict.retries, strict.bucket, strict.region) == (7, "b", "there")


def test_default_args_of_dag_group_and_task_go_over_each_other() -> None:
    with DAG("d", default_args={"retries": 1, "owner": "dag", "pool": "dag"}):
        outer = TaskGroup("outer", default_args={"owner": "outer", "pool": "outer"})
        with outer, TaskGroup("inner", default_args={"pool": "inner"}):
            job = Job(task_id="job", default_args={"queue": "task"})
        after = Job(task_id="after")
    assert (job.retries, job.owner, job.pool, job.queue) == (1, "outer", "inner", "task")
    assert (after.owner, after.pool, after.queue) == ("dag", "dag", "default")


def test_two_tasks_share_no_list_from_default_args() -> None:
    with DAG("d", default_args={"sources": [{"a": []}]}):
        first, second = Job(task_id="first"), Job(task_id="second")
    first.sources[0]["a"].append(1)
    assert second.sources == [{"a": []}]


def test_an_argument_given_by_position_wins_over_default_args() -> None:
    with DAG("d", default_args={"query": "default"}):
        job = Job("mine", task_id="t")
    assert job.query == "mine"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"task_id": "t", "retrys": 3}, "task 't' (Job): unknown argument 'retrys'; did you mean 'retries'?"),
        ({"task_id": "t", "qery": "x"}, "task 't' (Job): unknown argument 'qery'; did you mean 'query'?"),
        ({"task_id": "t", "deferrable": True}, "task 't' (Job): unknown argument 'deferrable'"),
        ({}, "Job: the argument 'task_id' is missing"),
    ],
)
def test_unknown_and_missing_arguments_are_named(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        Job(**arguments)
    assert words in str(caught.value)


def test_a_missing_argument_of_a_subclass_is_named() -> None:
    with pytest.raises(InvalidArgument, match=r"task 't' \(StrictJob\): the argument 'bucket' is missing"):
        StrictJob(task_id="t")
    with pytest.raises(InvalidArgument, match=r"unknown argument 'buckt'; did you mean 'bucket'\?"):
        StrictJob(task_id="t", buckt="x")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"retries": "three"}, "DAG 'd', task 't': retries must be an integer, not str: 'three'"),
        ({"retries": dt.timedelta(1)}, "retry_delay is the time between tries"),
        ({"retries": -1}, "retries must be 0 or more, not -1"),
        ({"retries": True}, "retries must be an integer, not bool"),
        (
            {"retry_delay": "5m"},
            "DAG 'd', task 't': retry_delay must be a timedelta or a number of seconds, not str",
        ),
        ({"retry_delay": None}, "retry_delay must be a timedelta or a number of seconds, not None"),
        ({"retry_delay": -5}, "retry_delay must be a span of zero or more seconds, not -5"),
        (
            {"execution_timeout": "1h"},
            "execution_timeout must be a timedelta or a number of seconds, not str: '1h'",
        ),
        ({"execution_timeout": float("inf")}, "execution_timeout must be a span"),
        ({"max_retry_delay": []}, "max_retry_delay must be"),
        ({"trigger_rule": "all_sucess"}, "unknown trigger_rule 'all_sucess'; did you mean 'all_success'?"),
        ({"trigger_rule": "never"}, "unknown trigger_rule 'never'"),
        ({"weight_rule": "heavy"}, "unknown weight_rule 'heavy'; it may be downstream, upstream, absolute"),
        ({"priority_weight": 1.5}, "priority_weight must be an integer, not float: 1.5"),
        ({"pool_slots": 0}, "pool_slots must be 1 or more, not 0"),
        ({"queue": 5}, "queue must be a string, not 5"),
        ({"retry_exponential_backoff": "yes"}, "retry_exponential_backoff must be True, False or a factor"),
        ({"on_failure_callback": 5}, "a callback must be a function of the context, not 5"),
        ({"start_date": "soon"}, "start_date='soon' is no moment"),
    ],
)
def test_wrong_values_are_named_with_dag_task_and_value(arguments: dict[str, Any], words: str) -> None:
    with DAG("d"), pytest.raises(InvalidArgument) as caught:
        Job(task_id="t", **arguments)
    assert words in str(caught.value)


def test_the_names_of_trigger_rules_are_those_that_the_engine_knows() -> None:
    assert {rule.value for rule in TriggerRule} <= {*TRIGGER_RULES, TEARDOWN_RULE}


def test_a_wrong_id_is_refused() -> None:
    with pytest.raises(InvalidId, match="'a b' can't be a task id"):
        Job(task_id="a b")


def test_template_fields_given_as_a_string_are_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"Wrong.template_fields is a string; write \('query',\)"):

        class Wrong(BaseOperator):
            template_fields = "query"


def test_an_init_that_forgets_its_base_is_refused() -> None:
    class Forgetful(BaseOperator):
        def __init__(self, **kwargs: Any) -> None:
            self.x = 1

    with pytest.raises(InvalidArgument, match=r"Forgetful.__init__ does not call super\(\).__init__"):
        Forgetful(task_id="t")


def test_an_operator_without_execute_says_so() -> None:
    with pytest.raises(NotImplementedError, match="Job has no execute"):
        Job(task_id="t").execute({})  # type: ignore[arg-type]


def test_a_task_without_a_dag_says_so() -> None:
    lonely = Job(task_id="t")
    with pytest.raises(AuthoringError, match="task 't' is in no DAG"):
        _ = lonely.dag
    assert lonely.dag_id == "adhoc_airflow"


def test_dag_may_be_given_instead_of_a_with() -> None:
    outer, other = DAG("outer"), DAG("other")
    with outer, TaskGroup("g"):
        elsewhere = Job(task_id="t", dag=other)
    assert elsewhere.dag is other and elsewhere.task_id == "t"
    assert other.task_ids == ["t"] and outer.task_ids == []


def test_relatives() -> None:
    with DAG("d"):
        a, b, c, e = (Job(task_id=name) for name in "abce")
        a >> b >> c
        a >> e
    assert a.downstream_list == [b, e] and c.upstream_list == [b]
    assert a.get_flat_relative_ids() == {"b", "c", "e"}
    assert c.get_flat_relative_ids(upstream=True) == {"a", "b"}
    assert c.get_flat_relatives(upstream=True) == [a, b]
    assert a.get_direct_relative_ids() == {"b", "e"} and b.get_direct_relatives(upstream=True) == [a]


def test_hooks_around_execute_are_called() -> None:
    seen: list[Any] = []
    job = Job(
        task_id="t", pre_execute=seen.append, post_execute=lambda context, result: seen.append((context, result))
    )
    job.pre_execute("c")  # type: ignore[arg-type]
    job.post_execute("c", 5)  # type: ignore[arg-type]
    assert seen == ["c", ("c", 5)]


def test_a_copy_for_a_run_leaves_the_task_as_it_was() -> None:
    with DAG("d") as made:
        job = Job(task_id="t", query="{{ ds }}", sources={"tables": ["a"]})
    copied = job.prepare_for_execution()
    assert isinstance(copied, Job) and copied.dag is made and copied.task_id == "t"
    copied.query = "rendered"
    copied.sources["tables"].append("b")
    copied.found = 5  # type: ignore[attr-defined]
    assert job.query == "{{ ds }}" and job.sources == {"tables": ["a"]} and not hasattr(job, "found")


def test_rendering_a_copy_adds_no_dependencies() -> None:
    with DAG("d"):
        first, job = Job(task_id="first"), Job(task_id="t")
    copied = job.prepare_for_execution()
    copied.query = first.output  # type: ignore[assignment]
    assert job.upstream_task_ids == copied.upstream_task_ids == set()


def test_a_plain_copy_of_an_operator_works() -> None:
    job = Job(task_id="t", query="x")
    assert copy.copy(job).query == "x"


def test_resume_execution_calls_the_method_with_context_and_kwargs() -> None:
    class Waiting(Job):
        def done(self, context: Any, event: Any, extra: int = 0) -> Any:
            return context, event, extra

    job = Waiting(task_id="t")
    assert job.resume_execution("done", {"event": "e", "extra": 3}, "c") == ("c", "e", 3)  # type: ignore[arg-type]
    with pytest.raises(TriggerFailure, match="it broke"):
        job.resume_execution("__fail__", {"error": "it broke"}, "c")  # type: ignore[arg-type]
    told = {"error": TriggerFailureReason.TRIGGER_TIMEOUT, "message": "after 5 s"}
    with pytest.raises(DeferralTimeout, match="after 5 s"):
        job.resume_execution("__fail__", told, "c")  # type: ignore[arg-type]


def test_the_log_is_named_after_the_class() -> None:
    assert isinstance(Job(task_id="t").log, logging.Logger)
    assert Job(task_id="t").log.name == f"bide.task.{Job.__module__}.Job"


def test_old_style_xcom_methods_go_to_the_task_instance() -> None:
    class Instance:
        def xcom_push(self, **given: Any) -> None:
            self.pushed = given

        def xcom_pull(self, **given: Any) -> Any:
            return given

    instance = Instance()
    job = Job(task_id="t")
    job.xcom_push({"ti": instance}, key="k", value=1)  # type: ignore[arg-type]
    assert instance.pushed == {"key": "k", "value": 1}
    pulled = job.xcom_pull({"ti": instance}, task_ids="a")  # type: ignore[arg-type]
    assert pulled == {"task_ids": "a", "dag_id": None, "key": "return_value"}
