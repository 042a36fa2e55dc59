"""DAGs: their arguments, their tasks, how they are collected."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bide.authoring.dag import DAG, collecting
from bide.authoring.dag_decorator import dag
from bide.authoring.group import TaskGroup
from bide.authoring.operator import BaseOperator
from bide.authoring.python import PythonOperator
from bide.authoring.serialize import validate_dag
from bide.authoring.taskflow import task
from bide.model.errors import CycleError, DuplicateId, InvalidArgument, InvalidId, NotFound
from bide.standard.operators.empty import EmptyOperator


def noop() -> None: ...


def test_tasks_made_inside_belong_to_the_dag() -> None:
    with DAG("d") as made:
        first = PythonOperator(task_id="first", python_callable=noop)
        second = PythonOperator(task_id="second", python_callable=noop)
        first >> second
    outside = PythonOperator(task_id="outside", python_callable=noop)

    assert made.task_ids == ["first", "second"]
    assert made.tasks == [first, second] and made.task_count == 2
    assert made.roots == [first] and made.leaves == [second]
    assert made.get_task("first") is first and made.has_task("second") and not made.has_task("third")
    assert first.dag is made and first.dag_id == "d"
    assert not outside.has_dag()


def test_an_inner_dag_takes_its_tasks_and_gives_the_outer_one_back() -> None:
    with DAG("outer") as outer:
        with DAG("inner") as inner:
            PythonOperator(task_id="a", python_callable=noop)
        PythonOperator(task_id="b", python_callable=noop)
    assert inner.task_ids == ["a"] and outer.task_ids == ["b"]


def test_an_exception_inside_leaves_no_dag_behind() -> None:
    with pytest.raises(RuntimeError), DAG("d"):
        raise RuntimeError
    assert not PythonOperator(task_id="t", python_callable=noop).has_dag()


def test_every_argument_of_airflow_is_accepted() -> None:
    made = DAG(
        dag_id="d",
        description="what it does",
        schedule="@daily",
        start_date=dt.datetime(2024, 1, 1),
        end_date=dt.datetime(2025, 1, 1),
        full_filepath="/dags/d.py",
        template_searchpath=["/templates"],
        template_undefined=None,
        user_defined_macros={"m": 1},
        user_defined_filters={"f": str},
        default_args={"retries": 2},
        max_active_tasks=3,
        max_active_runs=1,
        max_consecutive_failed_dag_runs=2,
        dagrun_timeout=dt.timedelta(hours=1),
        sla_miss_callback=print,
        default_view="grid",
        orientation="LR",
        catchup=True,
        on_success_callback=[print],
        on_failure_callback=print,
        doc_md="# D",
        params={"x": 1},
        access_control={"role": {"can_read"}},
        is_paused_upon_creation=True,
        jinja_environment_kwargs={"keep_trailing_newline": True},
        render_template_as_native_obj=True,
        tags=["b", "a"],
        owner_links={"me": "https://example.org"},
        auto_register=False,
        fail_stop=True,
        dag_display_name="The D",
    )
    assert made.schedule == made.schedule_interval == "@daily"
    assert made.start_date == dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    assert made.max_active_tasks == made.concurrency == 3 and made.max_active_runs == 1
    assert made.on_failure_callback == [print] and made.tags == {"a", "b"}
    assert made.params["x"] == 1 and made.fail_fast and made.dag_display_name == "The D"


def test_defaults() -> None:
    made = DAG("d")
    assert made.schedule is None and made.catchup is False and made.start_date is None
    assert made.max_active_runs == made.max_active_tasks == 16
    assert made.tags == set() and made.timezone is dt.UTC


def test_an_unknown_argument_is_refused_with_what_may_have_been_meant() -> None:
    with pytest.raises(InvalidArgument, match=r"DAG 'd': unknown argument 'schedul'; did you mean 'schedule'\?"):
        DAG("d", schedul="@daily")  # type: ignore[call-arg]
    with pytest.raises(InvalidArgument, match=r"DAG 'd': unknown argument 'xyzzy'$"):
        DAG(dag_id="d", xyzzy=1)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"schedule": "@daily", "schedule_interval": "@daily"}, "give one of schedule, schedule_interval"),
        ({"tags": "etl"}, "tags must be a list of strings, not the string 'etl'"),
        ({"tags": [1]}, "a tag must be a string"),
        ({"max_active_runs": "3"}, "max_active_runs must be an integer of zero or more, not '3'"),
        ({"max_active_tasks": -1}, "max_active_tasks must be an integer of zero or more, not -1"),
        ({"start_date": "yesterday"}, "start_date='yesterday' is no moment"),
        ({"start_date": 5}, "start_date must be a datetime, not int: 5"),
        ({"dagrun_timeout": "1h"}, "dagrun_timeout must be a timedelta"),
        ({"template_searchpath": [1]}, "template_searchpath must be paths, not 1"),
        ({"on_failure_callback": "mail"}, "a callback must be a function"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        DAG("d", **arguments)  # type: ignore[arg-type]
    assert words in str(caught.value)


def test_a_wrong_id_is_refused() -> None:
    with pytest.raises(InvalidId, match="'a b' can't be a DAG id"):
        DAG("a b")


def test_moments_may_be_text_dates_or_have_a_zone() -> None:
    assert DAG("d", start_date="2024-01-02T03:00").start_date == dt.datetime(2024, 1, 2, 3, tzinfo=dt.UTC)
    zurich = DAG("d", start_date=dt.datetime(2024, 1, 1, tzinfo=ZoneInfo("Europe/Zurich")))
    assert zurich.timezone == ZoneInfo("Europe/Zurich")
    from_defaults = DAG("d", default_args={"start_date": dt.datetime(2023, 1, 1)})
    assert from_defaults.start_date == dt.datetime(2023, 1, 1, tzinfo=dt.UTC)


def test_a_second_task_of_one_id_is_refused() -> None:
    with DAG("d") as made:
        PythonOperator(task_id="t", python_callable=noop)
        with pytest.raises(DuplicateId, match="DAG 'd' has a task 't' already"):
            PythonOperator(task_id="t", python_callable=noop)
    assert made.task_ids == ["t"]


def test_an_unknown_task_is_named_with_the_nearest_one() -> None:
    with DAG("d") as made:
        PythonOperator(task_id="extract", python_callable=noop)
    with pytest.raises(NotFound, match=r"DAG 'd' has no task 'extrct'; did you mean 'extract'\?"):
        made.get_task("extrct")


def test_test_cycle_names_the_circle() -> None:
    with DAG("d") as made:
        a, b = (PythonOperator(task_id=name, python_callable=noop) for name in "ab")
        a >> b
        made.test_cycle()
        b >> a
    with pytest.raises(CycleError, match="a -> b -> a"):
        made.test_cycle()


def test_topological_sort() -> None:
    with DAG("d") as made:
        c, b, a = (PythonOperator(task_id=name, python_callable=noop) for name in "cba")
        a >> b >> c
    assert made.topological_sort() == (a, b, c)


def test_collecting_finds_all_dags_made_inside() -> None:
    with DAG("before"):
        with collecting() as dags:
            with DAG("first"):
                pass
            second = DAG("second")
            # The DAG around the collecting does not reach into the file.
            assert not PythonOperator(task_id="t", python_callable=noop).has_dag()
        after = PythonOperator(task_id="t", python_callable=noop)
    DAG("later")
    assert [made.dag_id for made in dags] == ["first", "second"]
    assert dags[1] is second
    assert after.dag_id == "before"


def test_a_dag_knows_the_file_that_makes_it() -> None:
    assert DAG("d").fileloc == __file__
    assert DAG("d").folder in DAG("d").template_folders


def test_template_folders_are_beside_the_file_the_dag_folder_and_the_search_path() -> None:
    made = DAG("d", full_filepath="/dags/team/d.py", template_searchpath="/templates")
    made.dags_folder = "/dags"
    assert made.template_folders == ["/dags/team", "/dags", "/templates"]


def test_the_dag_decorator_makes_a_dag_per_call() -> None:
    @dag(schedule="@daily", tags=["x"])
    def pipeline(source: str = "here"):
        """What it does."""

        @task
        def read(name: str) -> None: ...

        read(source)

    with collecting() as dags:
        made = pipeline()
        other = pipeline("there")

    assert [d.dag_id for d in dags] == ["pipeline", "pipeline"]
    assert made.task_ids == ["read"] and made.doc_md == "What it does." and made.schedule == "@daily"
    assert made.params["source"] == "here" and other.params["source"] == "there"
    assert made.fileloc == __file__


def test_the_dag_decorator_without_parentheses_and_with_an_id() -> None:
    @dag
    def plain(): ...

    @dag("named", schedule=None)
    def function(): ...

    @dag(dag_id="also_named")
    def another(): ...

    assert [plain().dag_id, function().dag_id, another().dag_id] == ["plain", "named", "also_named"]


def test_a_parameter_of_a_dag_function_without_a_default_must_be_given() -> None:
    @dag
    def pipeline(x): ...

    with pytest.raises(TypeError, match="x"):
        pipeline()


def test_a_task_can_join_a_dag_later_but_only_one() -> None:
    first, second = DAG("first"), DAG("second")
    lonely = PythonOperator(task_id="t", python_callable=noop)
    first.add_task(lonely)
    first.add_task(lonely)  # no harm done
    assert first.tasks == [lonely]
    with pytest.raises(Exception, match="in DAG 'first' already; it can't join 'second' too"):
        second.add_task(lonely)


def test_owner_lists_the_owners_of_the_tasks() -> None:
    with DAG("d") as made:
        PythonOperator(task_id="a", python_callable=noop, owner="zoe")
        PythonOperator(task_id="b", python_callable=noop, owner="amy")
    assert made.owner == "amy, zoe"
    assert isinstance(made.tasks[0], BaseOperator)


class Broken(BaseOperator):
    def __init__(self, before: BaseOperator, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.set_upstream(before)
        raise ValueError("no such thing")


def test_no_half_of_a_task_whose_constructor_fails_is_left() -> None:
    with DAG("d") as dag:
        first = EmptyOperator(task_id="first")
        with TaskGroup("g") as group:
            with pytest.raises(ValueError, match="no such thing"):
                Broken(task_id="one", before=first)
            assert dag.task_ids == ["first"]
            assert group.children == {}
            assert first.downstream_task_ids == set()
            instead = EmptyOperator(task_id="one")
    assert dag.get_task("g.one") is instead
    validate_dag(dag)
