"""Results of tasks as arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bide.authoring.context import Context
from bide.authoring.dag import DAG
from bide.authoring.operator import BaseOperator
from bide.authoring.xcom_arg import XComArg, xcom_args_in
from bide.model.errors import InvalidArgument, XComNotFound


class Query(BaseOperator):
    """Has a template field that takes anything."""

    template_fields = ("sources",)

    def __init__(self, sources: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sources = sources


class Spec:
    """An object of one's own with fields to render."""

    template_fields = ("path",)

    def __init__(self, path: Any) -> None:
        self.path = path


def test_output_in_a_template_field_is_a_dependency() -> None:
    with DAG("d"):
        first, second, third = (BaseOperator(task_id=name) for name in ("first", "second", "third"))
        query = Query(task_id="q", sources=[first.output, {"x": second.output["key"]}, Spec(third.output)])
    assert query.upstream_task_ids == {"first", "second", "third"}


def test_output_assigned_later_is_a_dependency_too() -> None:
    with DAG("d"):
        first, query = BaseOperator(task_id="first"), Query(task_id="q")
        query.sources = first.output
    assert query.upstream_task_ids == {"first"}


def test_output_in_an_init_is_found_after_the_whole_init() -> None:
    class Late(Query):
        def __init__(self, source: XComArg, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.sources = {"late": source}

    with DAG("d"):
        first = BaseOperator(task_id="first")
        assert Late(task_id="q", source=first.output).upstream_task_ids == {"first"}


def test_a_task_using_output_joins_its_dag() -> None:
    made = DAG("d")
    first = BaseOperator(task_id="first", dag=made)
    assert Query(task_id="q", sources=first.output).dag is made


def test_found_in_circles_and_once_each() -> None:
    with DAG("d"):
        first = BaseOperator(task_id="first").output
    loop: list[Any] = [first]
    loop.append(loop)
    assert list(xcom_args_in(loop)) == [first]


def test_keys() -> None:
    with DAG("d"):
        output = BaseOperator(task_id="first").output
    assert output["a"].key == "a" and output["a"] == output["a"] != output
    assert {output, output["a"], output["a"]} == {output, output["a"]}
    with pytest.raises(InvalidArgument, match="not by 0"):
        output[0]  # type: ignore[index]


def test_in_a_string_it_is_a_template(runtime: Any, context_for: Callable[..., Context]) -> None:
    with DAG("d"):
        output = BaseOperator(task_id="first").output
        query = Query(task_id="q", sources=f"from {output} and {output['k']}")
    runtime.stored = {("first", -1, "return_value"): "here", ("first", -1, "k"): "there"}
    context = context_for(query)
    query.render_template_fields(context)
    assert query.sources == "from here and there"


def test_resolving(runtime: Any, context_for: Callable[..., Context]) -> None:
    with DAG("d"):
        output = BaseOperator(task_id="first").output
        query = Query(task_id="q", sources=[output, (output["k"],)])
    runtime.stored = {("first", -1, "return_value"): {"rows": 3}, ("first", -1, "k"): None}
    query.render_template_fields(context_for(query))
    assert query.sources == [{"rows": 3}, (None,)]


def test_a_return_value_that_is_not_there_is_none(runtime: Any, context_for: Callable[..., Context]) -> None:
    with DAG("d"):
        first = BaseOperator(task_id="first")
    assert first.output.resolve(context_for(first)) is None


def test_another_key_that_is_not_there_is_an_error(runtime: Any, context_for: Callable[..., Context]) -> None:
    with DAG("d"):
        first = BaseOperator(task_id="first")
    with pytest.raises(XComNotFound, match="task 'first' has pushed nothing under 'k' in run 'manual__2026-03-01'"):
        first.output["k"].resolve(context_for(first))


def test_in_an_order_it_stands_for_its_task() -> None:
    with DAG("d"):
        first, second = BaseOperator(task_id="first"), BaseOperator(task_id="second")
        first.output >> second
    assert second.upstream_task_ids == {"first"}
    assert first.output.roots == first.output.leaves == [first]


@pytest.mark.parametrize(
    "use",
    [lambda x: x > 1, lambda x: x <= 1, lambda x: x + 1, lambda x: "a" + x, lambda x: 2 * x, list],
)
def test_a_result_can_not_be_used_while_the_file_is_read(use: Callable[[Any], Any]) -> None:
    with DAG("d"):
        first = BaseOperator(task_id="first")
    with pytest.raises(TypeError, match="the result of task 'first' is not known while the DAG file is read"):
        use(first.output)
