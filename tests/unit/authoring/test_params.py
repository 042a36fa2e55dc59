"""Parameters of runs."""

from __future__ import annotations

from typing import Any

import pytest

from bide.authoring.dag import DAG, dag
from bide.authoring.params import NO_VALUE, Param, ParamsDict, merge_params
from bide.authoring.taskflow import task
from bide.model.errors import InvalidArgument


def test_a_param_has_a_default_a_description_and_a_schema() -> None:
    param = Param(5, description="how many", type="integer", minimum=1)
    assert param.resolve() == 5 and param.resolve(7) == 7
    assert param.dump() == {"value": 5, "description": "how many", "schema": {"type": "integer", "minimum": 1}}
    assert Param(None).has_value and not Param().has_value
    with pytest.raises(InvalidArgument, match="no default"):
        Param().resolve()
    assert not NO_VALUE and repr(NO_VALUE) == "NO_VALUE"


def test_reading_gives_values() -> None:
    params = ParamsDict({"a": 1, "b": Param(2, type="integer"), "c": Param()})
    assert dict(params) == params.dump() == {"a": 1, "b": 2, "c": None}
    assert params.defaults() == {"a": 1, "b": 2}
    params["b"] = 3
    assert params["b"] == 3 and params.get_param("b").schema == {"type": "integer"}
    del params["a"]
    assert "a" not in params and len(params) == 2
    assert ParamsDict(params).get_param("b") is params.get_param("b")


def test_conf_goes_over_task_over_dag() -> None:
    made = merge_params(ParamsDict({"a": 1, "b": 1, "c": 1}), ParamsDict({"b": 2, "c": 2}), {"c": 3, "d": 3})
    assert made == {"a": 1, "b": 2, "c": 3, "d": 3}


def test_a_dag_has_params_from_its_default_args_too() -> None:
    made = DAG("d", default_args={"params": {"a": 1, "b": 1}}, params={"b": 2})
    assert dict(made.params) == {"a": 1, "b": 2}


def test_arguments_of_a_dag_function_become_the_runs_values(context_for: Any) -> None:
    @dag
    def pipeline(source="here", count=1):
        @task
        def read(source, count):
            return source, count

        read(source, count=count)

    operator = pipeline().get_task("read")
    context = context_for(operator, conf={"count": 9})
    operator.render_template_fields(context)
    assert operator.execute(context) == ("here", 9)
