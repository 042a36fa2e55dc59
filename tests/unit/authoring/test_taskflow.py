"""``@task``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

import pytest

from bide.authoring.context import Context
from bide.authoring.dag import DAG
from bide.authoring.taskflow import PythonDecoratedOperator, task
from bide.authoring.xcom_arg import XComArg
from bide.model.errors import InvalidArgument
from bide.testing import run_dag


@task
def extract() -> int:
    """Get it."""
    return 1


@task(retries=3, multiple_outputs=True)
def split(value: int):
    return {"half": value / 2}


@task
def load(x: Any, y: Any = None, **more: Any) -> None: ...


def test_calls_make_tasks_and_return_their_results_to_be() -> None:
    with DAG("d") as made:
        result = extract()
    assert isinstance(result, XComArg) and result.key == "return_value"
    operator = made.get_task("extract")
    assert isinstance(operator, PythonDecoratedOperator) and operator.doc_md == "Get it."
    assert operator.operator_name == "@task"


def test_results_as_arguments_are_dependencies_however_deep() -> None:
    with DAG("d") as made:
        a, b, c = extract(), extract(), extract()
        load(a)
        load([b, {"k": (c,)}], y={"z": a["key"]})
    assert made.get_task("load").upstream_task_ids == {"extract"}
    assert made.get_task("load__1").upstream_task_ids == {"extract", "extract__1", "extract__2"}


def test_results_can_be_put_in_order() -> None:
    with DAG("d") as made:
        a, b, c = extract(), extract(), extract()
        a >> [b, c]
    assert made.get_task("extract").downstream_task_ids == {"extract__1", "extract__2"}


def test_a_dag_has_a_decorator_of_its_own() -> None:
    dag = DAG("d")

    @dag.task
    def first() -> int:
        return 1

    @dag.task(task_id="other", retries=3)
    def second(x: int) -> int:
        return x

    second(first())
    assert dag.task_ids == ["first", "other"]
    assert (dag.get_task("other").retries, dag.get_task("other").upstream_task_ids) == (3, {"first"})


def test_repeated_calls_are_numbered() -> None:
    with DAG("d") as made:
        for _ in range(3):
            extract()
        extract.override(task_id="extract__7")()
        extract.override(task_id="other")()
        extract.override(task_id="other")()
    assert made.task_ids == ["extract", "extract__1", "extract__2", "extract__7", "other", "other__1"]


def test_options_and_override() -> None:
    with DAG("d", default_args={"retries": 9, "owner": "team"}) as made:
        split(extract())
        split.override(retries=1, task_id="again")(1)
        split(2)
    assert [made.get_task(name).retries for name in ("split", "again", "split__1", "extract")] == [3, 1, 3, 9]
    assert made.get_task("split").owner == "team"


class Parts(TypedDict):
    """Two parts."""

    a: int


@pytest.mark.parametrize(
    ("annotation", "multiple"),
    [(dict, True), (dict[str, int], True), (Parts, True), (int, False), (list[int], False), (None, False)],
)
def test_multiple_outputs_are_read_from_the_annotation(annotation: Any, multiple: bool) -> None:
    def function(): ...

    function.__annotations__["return"] = annotation
    with DAG("d"):
        assert task(function)().operator.multiple_outputs is multiple
        assert task(multiple_outputs=not multiple)(function)().operator.multiple_outputs is not multiple


def test_annotations_that_exist_for_type_checkers_only_do_no_harm() -> None:
    @task
    def function() -> Nowhere:  # type: ignore[name-defined]  # noqa: F821
        ...

    with DAG("d"):
        assert function().operator.multiple_outputs is False


def test_a_call_that_cannot_work_is_refused_at_once() -> None:
    with DAG("d"):
        with pytest.raises(
            InvalidArgument, match=r"task 'split': split\(.*\) can't be called like this: .*'value'"
        ):
            split()
        with pytest.raises(InvalidArgument, match="unexpected keyword argument 'b'"):
            split(1, b=2)


def test_arguments_that_the_context_gives_may_be_left_out() -> None:
    @task
    def function(x, ds, ti=None, *, params): ...

    with DAG("d"):
        function(1)
        function(1, params={})
        with pytest.raises(InvalidArgument, match="'x'"):
            function()


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="@task goes on a function, not on 5"):
        task(5)  # type: ignore[call-overload]
    with pytest.raises(InvalidArgument, match="a task already"):
        task(extract)
    with pytest.raises(InvalidArgument, match="@task goes on a function"):
        task(dict)


def test_a_result_cannot_be_unpacked_while_the_file_is_read() -> None:
    with (
        DAG("d"),
        pytest.raises(TypeError, match="result of task 'extract' is not known while the DAG file is read"),
    ):
        _a, _b = extract()


def test_the_function_itself_stays_at_hand() -> None:
    assert extract.function() == 1
    assert extract.__name__ == "extract" and extract.__doc__ == "Get it."
    assert task.python is task


def test_an_async_function_runs_to_its_end(context_for: Callable[..., Context]) -> None:
    @task
    async def fetch(x: int, run_id=None) -> str:
        return f"{x} in {run_id}"

    with DAG("d"):
        operator = fetch(5).operator
    assert operator.execute(context_for(operator)) == "5 in manual__2026-03-01"


def test_a_task_outside_of_a_dag_is_just_a_task() -> None:
    result = extract()
    assert not result.operator.has_dag() and result.operator.task_id == "extract"


def test_trouble_in_the_function_reaches_the_caller(context_for: Callable[..., Context]) -> None:
    @task
    def broken() -> None:
        raise KeyError("gone")

    with DAG("d"):
        operator = broken().operator
    with pytest.raises(KeyError, match="gone"):
        operator.execute(context_for(operator))


def test_a_condition_decides_before_the_function_is_called() -> None:
    calls: list[str] = []

    def note(context: Any) -> None:
        calls.append("hook")

    with DAG("d") as made:

        @task.skip_if(lambda context: context["params"]["quiet"], "told to be quiet")
        @task(pre_execute=note)
        def speak():
            calls.append("speak")

        @task.run_if(lambda context: (context["params"]["quiet"], "too loud"))
        @task.short_circuit
        def hush():
            calls.append("hush")
            return True

        speak()
        hush()
        made.params["quiet"] = True
    result = run_dag(made)
    assert (result["speak"].state, result["hush"].state, calls) == ("skipped", "success", ["hook", "hush"])
    assert "told to be quiet" in result["speak"].log
    result = run_dag(made, conf={"quiet": False})
    assert (result["speak"].state, result["hush"].state) == ("success", "skipped")
    assert "too loud" in result["hush"].log


def test_a_condition_goes_above_a_task() -> None:
    with pytest.raises(InvalidArgument, match=r"@task.skip_if goes above @task, not on <function"):
        task.skip_if(lambda context: True)(lambda: None)
    with pytest.raises(InvalidArgument, match=r"@task.run_if takes a function of the context, not True"):
        task.run_if(True)  # type: ignore[arg-type]


def test_a_function_that_was_not_called_is_no_argument() -> None:
    with DAG("d"):

        @task
        def rows() -> list[int]:
            return []

        @task
        def load(of: Any, by: Any = None) -> None: ...

        for call in (lambda: load(rows), lambda: load(1, by=rows)):
            with pytest.raises(InvalidArgument, match=r"task 'load.*is the @task function rows itself.*: rows\(\)"):
                call()
