"""Mapped tasks as authors meet them: what each instance gets, and what others get of them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from bide import DAG, BaseOperator, PythonOperator, TaskSkipped, get_current_context, task, task_group, wait
from bide.testing import RunResult, run_dag


@task
def numbers() -> list[int]:
    return [1, 2, 3]


@task
def add(x: int, y: int = 1) -> int:
    return x + y


@task
def pair(x: Any, y: Any) -> Any:
    return [x, y]


@task
def give(value: Any) -> Any:
    return value


@task(trigger_rule="all_done")
def collect(values: Any) -> Any:
    return list(values)


class Show(BaseOperator):
    """Returns its fields, of which one is a template."""

    template_fields = ("shown",)

    def __init__(self, *, shown: Any, plain: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shown = shown
        self.plain = plain
        self.was = shown

    def execute(self, context: Any) -> Any:
        return [self.shown, self.plain]


def results(run: RunResult, task_id: str) -> list[Any]:
    """What the instances of a task returned, by map index."""
    found = sorted((one.map_index, one.result) for one in run.tasks.values() if one.task_id == task_id)
    assert [index for index, _ in found] == list(range(len(found)))
    return [value for _, value in found]


def states(run: RunResult, task_id: str) -> list[str]:
    found = sorted((one.map_index, one.state) for one in run.tasks.values() if one.task_id == task_id)
    return [state for _, state in found]


def test_lists_dicts_and_results() -> None:
    with DAG("d") as dag:
        made = numbers()
        add.expand(x=[5, 6])
        give.expand(value={"a": 1, "b": 2})
        add.override(task_id="from_result").partial(y=10).expand(x=made)
        pair.expand(x=made, y=["a", "b"])
        pair.override(task_id="dicts").expand_kwargs([{"x": 1, "y": 2}, {"y": 3, "x": 4}])
    run = run_dag(dag)
    assert results(run, "add") == [6, 7]
    assert results(run, "give") == [("a", 1), ("b", 2)]
    assert results(run, "from_result") == [11, 12, 13]
    assert results(run, "pair") == [[1, "a"], [1, "b"], [2, "a"], [2, "b"], [3, "a"], [3, "b"]]
    assert results(run, "dicts") == [[1, 2], [4, 3]]


def test_a_dict_and_values_of_other_types_are_taken_apart() -> None:
    @task
    def mapping() -> Any:
        return {"a": dt.date(2026, 1, 1), "b": None}

    @task
    def by_number() -> Any:
        return {1: "one", 2: ("t",)}

    @task
    def several() -> Any:
        return (dt.timedelta(1), {"k": {1, 2}})

    with DAG("d") as dag:
        give.expand(value=mapping())
        give.expand(value=by_number())
        give.expand(value=several())
    run = run_dag(dag)
    assert results(run, "give") == [("a", dt.date(2026, 1, 1)), ("b", None)]
    assert results(run, "give__1") == [(1, "one"), (2, ("t",))]
    assert results(run, "give__2") == [dt.timedelta(1), {"k": {1, 2}}]


def test_map_zip_and_concat() -> None:
    def double(x: int) -> int:
        if x == 2:
            raise TaskSkipped("no twos")
        return x * 2

    with DAG("d") as dag:
        made = numbers()
        mapped = add.partial(y=0).expand(x=made.map(double))
        give.expand(value=made.zip(["a", "b"]))
        give.override(task_id="filled").expand(value=made.zip(["a"], fillvalue="-"))
        give.override(task_id="chained").expand(value=made.concat(mapped, [9]).map(str))
        dag.get_task("chained").trigger_rule = "all_done"  # one of those before it is skipped
        add.override(task_id="kwargs").expand_kwargs(made.map(lambda x: {"x": x, "y": -x}))
    run = run_dag(dag)
    assert states(run, "add") == ["success", "skipped", "success"]
    assert results(run, "add") == [2, None, 6]
    assert results(run, "give") == [(1, "a"), (2, "b")]
    assert results(run, "filled") == [(1, "a"), (2, "-"), (3, "-")]
    assert results(run, "chained") == ["1", "2", "3", "2", "6", "9"]
    assert results(run, "kwargs") == [0, 0, 0]


def test_what_map_raises_fails_the_instance_and_says_where() -> None:
    def bad(x: int) -> int:
        raise ValueError(f"no {x}")

    with DAG("d") as dag:
        give.expand(value=numbers().map(bad))
    run = run_dag(dag, raise_on_failure=False)
    assert states(run, "give") == ["failed"] * 3
    assert "while map() called" in run["give[0]"].log
    assert run["give[1]"].error == "ValueError: no 2"


def test_a_task_after_a_mapped_one_gets_all_results() -> None:
    @task
    def look(values: Any) -> Any:
        assert len(values) == 3
        return [
            type(values).__name__,
            values[0],
            values[-1],
            values[1:],
            values == [2, 3, 4],
            sum(values),
            9 in values,
        ]

    @task
    def hand_on(values: Any) -> Any:
        return values

    with DAG("d") as dag:
        all_of = add.expand(x=numbers())
        look(all_of)
        add.override(task_id="again").expand(x=hand_on(all_of))
        collect(all_of.map(str))
        collect.override(task_id="zipped")(all_of.zip(numbers()))
        (
            PythonOperator(
                task_id="by_template", python_callable=str, op_args=["{{ ti.xcom_pull(task_ids='add') }}"]
            )
            << all_of
        )
    run = run_dag(dag)
    assert run["look"].result == ["LazyXComSequence", 2, 4, [3, 4], True, 9, False]
    assert run["hand_on"].result == [2, 3, 4]
    assert results(run, "again") == [3, 4, 5]
    assert run["collect"].result == ["2", "3", "4"]
    assert run["zipped"].result == [(2, 1), (3, 2), (4, 3)]
    assert run["by_template"].result == "[2, 3, 4]"


def test_all_results_can_be_stored_wherever_they_stand() -> None:
    """In what a task returns, and in what a function that waits was called with."""

    @task
    def inside(values: Any) -> Any:
        return {"all": values}

    @task
    def waits(values: Any) -> Any:
        wait(dt.timedelta(seconds=5))
        return sum(values)

    with DAG("d") as dag:
        all_of = add.expand(x=numbers())
        inside(all_of)
        waits(all_of)
    run = run_dag(dag)
    assert run["inside"].result == {"all": [2, 3, 4]}
    assert run["waits"].result == 9


def test_what_instances_left_out_or_failed_to_leave_is_not_there() -> None:
    @task
    def odd(x: int) -> int | None:
        if x == 4:
            raise ValueError("four")
        return x if x % 2 else None

    with DAG("d") as dag:
        found = odd.expand(x=[1, 2, 3, 4, 5])
        collect(found)
        add.override(trigger_rule="all_done").expand(x=found)
    run = run_dag(dag, raise_on_failure=False)
    assert run["collect"].result == [1, 3, 5]
    assert results(run, "add") == [2, 4, 6]


def test_templates_are_filled_in_lists_of_the_dag_file_and_not_in_results() -> None:
    """A result may come from anybody."""

    @task
    def texts() -> list[str]:
        return ["{{ 1 + 1 }}"]

    with DAG("d") as dag:
        Show.partial(task_id="literal", plain="{{ 3 }}").expand(shown=["{{ 1 + 1 }}"])
        Show.partial(task_id="result").expand(shown=texts())
        Show.partial(task_id="both", shown="{{ dag.dag_id }}").expand(plain=texts())
        Show.partial(task_id="dicts").expand_kwargs([{"shown": "{{ 1 + 1 }}"}])
        give.expand(value=texts().map(lambda one: [one]))
    run = run_dag(dag)
    assert run["literal[0]"].result == ["2", "{{ 3 }}"]
    assert run["result[0]"].result == ["{{ 1 + 1 }}", None]
    assert run["both[0]"].result == ["d", "{{ 1 + 1 }}"]
    assert run["dicts[0]"].result == ["2", None]
    assert run["give[0]"].result == ["{{ 1 + 1 }}"]


def test_results_in_partial_and_in_lists_are_resolved() -> None:
    with DAG("d") as dag:
        made = numbers()
        pair.partial(x=made).expand(y=[1, made])
        Show.partial(task_id="show", plain=1).expand(shown=[made])
        pair.override(task_id="dicts").expand_kwargs([{"x": made, "y": 1}, give({"x": 5, "y": 6})])
    run = run_dag(dag)
    assert results(run, "pair") == [[[1, 2, 3], 1], [[1, 2, 3], [1, 2, 3]]]
    assert results(run, "show") == [[[1, 2, 3], 1]]
    assert results(run, "dicts") == [[[1, 2, 3], 1], [5, 6]]


def test_an_instance_knows_its_index_and_has_a_name() -> None:
    @task(map_index_template="{{ label }}")
    def named(x: int) -> int:
        context = get_current_context()
        context["label"] = f"number {x}"
        assert context["task"] is context["ti"].task
        if x == 2:
            raise ValueError("two")
        return int(context["ti"].map_index)

    with DAG("d") as dag:
        named.expand(x=[1, 2])
        Show.partial(task_id="by_field", map_index_template="{{ task.shown }}").expand(shown=["a"])
        Show.partial(task_id="bad", map_index_template="{{ 1 / 0 }}").expand(shown=["a"])
    run = run_dag(dag, raise_on_failure=False)
    assert run["named[0]"].result == 0
    assert [run[name].map_name for name in ("named[0]", "named[1]", "by_field[0]", "bad[0]")] == [
        "number 1",
        "number 2",
        "a",
        None,
    ]
    assert run["bad[0]"].state == "success"
    assert "map_index_template '{{ 1 / 0 }}' can't be filled in" in run["bad[0]"].log


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (5, "gives int: 5 under 'return_value', and task 'add' is expanded over that: it must be a list"),
        ("text", "gives str: 'text' under"),
        (None, "gives nothing under"),
        ({1, 2}, "gives set"),
    ],
)
def test_a_result_that_can_not_be_expanded_over_fails_who_gives_it(value: Any, message: str) -> None:
    with DAG("d") as dag:
        add.expand(x=give(value))
    run = run_dag(dag, raise_on_failure=False)
    assert run.states == {"give": "failed", "add": "upstream_failed"}
    assert message in run["give"].error


def test_a_result_longer_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIDE__CORE__MAX_MAP_LENGTH", "2")
    with DAG("d") as dag:
        add.expand(x=numbers())
    run = run_dag(dag, raise_on_failure=False)
    assert run["numbers"].error == (
        "TaskError: task 'numbers' gives 3 elements under 'return_value', and task 'add' is expanded over that: "
        "[core] max_map_length allows 2"
    )


def test_arguments_that_only_a_result_can_be_wrong_about() -> None:
    @task
    def rows() -> Any:
        return [{"x": 1, "z": 2}, 5, {"x": 1, "y": 2}]

    with DAG("d") as dag:
        made = rows()
        add.partial(y=1).expand_kwargs(made)
        add.override(task_id="winning").partial(y=1).expand_kwargs(made, strict=False)
        Show.partial(task_id="show").expand_kwargs(made.map(lambda _: {"retries": 5}))
    run = run_dag(dag, raise_on_failure=False)
    assert "unexpected keyword argument 'z'" in run["add[0]"].error
    assert "expand_kwargs() takes dicts with names of arguments as keys, not 5" in run["add[1]"].error
    assert "partial() and expand_kwargs() both give 'y'" in run["add[2]"].error
    assert run["winning[2]"].result == 3
    assert "'retries' can't be expanded over" in run["show[0]"].error


def test_retries_and_waits_of_an_instance() -> None:
    @task(retries=1, retry_delay=dt.timedelta(seconds=5))
    def flaky(x: int) -> int:
        if x == 1 and get_current_context()["ti"].try_number == 1:
            raise ValueError("once")
        return x

    with DAG("d") as dag:
        collect(flaky.expand(x=[0, 1]))
    run = run_dag(dag)
    assert [run["flaky[0]"].tries, run["flaky[1]"].tries] == [1, 2]
    assert run["collect"].result == [0, 1]


def test_callbacks_see_the_instance() -> None:
    seen: list[tuple[int, Any]] = []

    def note(context: Any) -> None:
        seen.append((context["ti"].map_index, context["task"].op_kwargs["x"]))

    with DAG("d") as dag:
        add.override(on_success_callback=note).expand(x=[5, 6])
    run_dag(dag)
    assert sorted(seen) == [(0, 5), (1, 6)]


def test_a_mapped_group_runs_each_element_by_itself() -> None:
    @task
    def half(x: int) -> float:
        return 6 / x

    @task_group
    def work(x: Any, y: str) -> Any:
        halved = half(x)
        return pair.override(task_id="last")(give(halved), y)

    with DAG("d") as dag:
        collect(work.partial(y="y").expand(x=numbers().map(lambda x: x - 1)))
        work.override(group_id="dicts").expand_kwargs([{"x": 3, "y": "a"}, {"x": 2, "y": "b"}])
        work.override(group_id="none").expand(x=give([]), y=["a"])
    run = run_dag(dag, raise_on_failure=False)
    assert states(run, "work.half") == ["failed", "success", "success"]
    assert states(run, "work.last") == ["upstream_failed", "success", "success"]
    assert run["collect"].result == [[6.0, "y"], [3.0, "y"]]
    assert results(run, "dicts.last") == [[2.0, "a"], [3.0, "b"]]
    assert states(run, "none.half") == states(run, "none.last") == ["skipped"]


def test_a_branch_in_a_mapped_group() -> None:
    @task.branch
    def choose(x: int) -> str:
        return "work.odd" if x % 2 else "work.even"

    @task_group
    def work(x: Any) -> None:
        choose(x) >> [give.override(task_id="odd")(x), give.override(task_id="even")(x)]

    with DAG("d") as dag:
        work.expand(x=[1, 2])
    run = run_dag(dag)
    assert states(run, "work.odd") == ["success", "skipped"]
    assert states(run, "work.even") == ["skipped", "success"]


def test_mapped_sensors_and_other_kinds_of_tasks() -> None:
    @task.short_circuit
    def only_odd(x: int) -> bool:
        return x % 2 == 1

    with DAG("d") as dag:
        only_odd.expand(x=[1, 3]) >> give("after")
    run = run_dag(dag)
    assert run["give"].state == "success"
