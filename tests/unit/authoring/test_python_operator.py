"""``PythonOperator``: which arguments its function gets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from bide.authoring.asset_events import Metadata, OutletEvents
from bide.authoring.assets import Asset, AssetAlias
from bide.authoring.callable_runner import AsyncCallableRunner, CallableRunner
from bide.authoring.context import Context
from bide.authoring.dag import DAG
from bide.authoring.python import PythonOperator
from bide.authoring.resolving import Literal
from bide.model.errors import InvalidArgument

Contexts = Callable[..., Context]


def run(function: Callable[..., Any], contexts: Contexts, **arguments: Any) -> Any:
    """What `function` returns when it runs as a task, templates rendered."""
    with DAG("d"):
        operator = PythonOperator(task_id="t", python_callable=function, **arguments)
    context = contexts(operator)
    operator.render_template_fields(context)
    return operator.execute(context)


def test_a_function_gets_of_the_context_what_it_names(context_for: Contexts) -> None:
    def function(ds, ti, run_id="none", other=5):
        return ds, ti.task_id, run_id, other

    assert run(function, context_for) == ("2026-03-01", "t", "manual__2026-03-01", 5)


def test_a_function_with_kwargs_gets_the_whole_context(context_for: Contexts) -> None:
    def function(**context):
        return context

    got = run(function, context_for, provide_context=True, op_kwargs={"own": 1})
    assert got["own"] == 1 and got["ds"] == "2026-03-01" and got["dag_run"].run_id == got["run_id"]
    assert got["ti"] is got["task_instance"] and got["task"].task_id == "t"


def test_a_function_without_arguments_gets_none(context_for: Contexts) -> None:
    assert run(lambda: 7, context_for) == 7


def test_own_arguments_win_over_the_context_and_are_rendered(context_for: Contexts) -> None:
    def function(first, ds, last):
        return first, ds, last

    result = run(function, context_for, op_args=["{{ run_id }}", "given"], op_kwargs={"last": ["{{ ds_nodash }}"]})
    assert result == ("manual__2026-03-01", "given", ["20260301"])


def test_templates_dict_reaches_the_function_rendered(context_for: Contexts) -> None:
    def function(templates_dict):
        return templates_dict

    assert run(function, context_for, templates_dict={"day": "{{ ds }}"}) == {"day": "2026-03-01"}


def test_a_function_with_a_yield_says_why_it_does_nothing(context_for: Contexts) -> None:
    def rows():
        yield 1

    async def later():
        yield 1

    for function in (rows, later):
        with pytest.raises(InvalidArgument, match=r"has a yield, .* collect what it yields in a list"):
            run(function, context_for)
    generator = run(lambda: rows(), context_for)  # noqa: PLW0108  # a function of another name
    assert list(generator) == [1], "what it does with one that it has made is its own affair"


def test_a_builtin_is_fine(context_for: Contexts) -> None:
    assert run(max, context_for, op_args=[3, 5]) == 5


def test_tasks_given_one_dict_do_not_share_it() -> None:
    shared = {"a": 1}
    operator = PythonOperator(task_id="t", python_callable=print, op_kwargs=shared)
    operator.op_kwargs["a"] = 2
    assert shared == {"a": 1}


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="task 't': python_callable must be a function, not 5"):
        PythonOperator(task_id="t", python_callable=5)  # type: ignore[arg-type]


@pytest.mark.parametrize(("shown", "expected"), [(True, "secret"), (False, "not shown")])
def test_the_return_value_is_logged_unless_told_not_to(
    context_for: Contexts, caplog: pytest.LogCaptureFixture, shown: bool, expected: str
) -> None:
    with caplog.at_level(logging.INFO):
        run(lambda: "secret", context_for, show_return_value_in_logs=shown)
    assert expected in caplog.text and ("secret" in caplog.text) is shown


def test_a_function_yields_metadata_of_its_outlets() -> None:
    orders, files = Asset("orders"), AssetAlias("files")
    events = OutletEvents([orders, files])

    def make():
        yield Metadata("orders", {"rows": 3})
        yield Metadata(Asset("one.csv"), {"n": 1}, alias="files")
        return "made"

    async def later():
        yield Metadata(orders, {"late": True})

    assert CallableRunner(make, events).run() == "made"
    asyncio.run(AsyncCallableRunner(later, events).run())
    assert events[orders].extra == {"rows": 3, "late": True}
    assert [(one.asset.name, one.extra) for one in events[files].added] == [("one.csv", {"n": 1})]

    def rows():
        yield 1

    with pytest.raises(InvalidArgument, match=r"rows\(\) yields 1, which is no Metadata"):
        CallableRunner(rows, events).run()


def test_a_task_with_outlets_may_yield_metadata(context_for: Contexts) -> None:
    def make():
        yield Metadata("orders", {"rows": 3})
        return 7

    with DAG("d"):
        operator = PythonOperator(task_id="t", python_callable=make, outlets=[Asset("orders")])
    context = context_for(operator)
    context["outlet_events"] = OutletEvents(operator.outlets)
    assert operator.execute(context) == 7
    assert context["outlet_events"]["orders"].extra == {"rows": 3}


def test_a_literal_has_no_templates(context_for: Contexts) -> None:
    def function(text):
        return text

    assert run(function, context_for, op_args=[Literal("{{ ds }}")]) == "{{ ds }}"
