"""Parameters of runs."""

from __future__ import annotations

from typing import Any

import pytest

from bide.authoring.dag import DAG
from bide.authoring.dag_decorator import dag
from bide.authoring.params import NO_VALUE, Param, ParamsDict, merge_params
from bide.authoring.python import PythonOperator
from bide.authoring.serialize import serialize_dag, validate_dag
from bide.authoring.taskflow import task
from bide.model.dag_spec import ParamSpec
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


# --- schemas


def test_values_are_checked_by_their_schema() -> None:
    param = Param(5, type="integer", minimum=1)
    assert param.resolve(7) == 7
    with pytest.raises(InvalidArgument, match="'x' is not of type 'integer'"):
        param.resolve("x")
    assert param.resolve("x", suppress_exception=True) is None
    params = ParamsDict({"n": Param(0, type="integer", minimum=1), "m": 1})
    with pytest.raises(InvalidArgument, match="param 'n': 0 is less than the minimum of 1"):
        params.validate()
    params["n"] = 4
    assert params.validate() == {"n": 4, "m": 1}


def test_a_param_of_a_task_is_checked_with_the_runs_conf() -> None:
    task_params = ParamsDict({"n": Param(1, type="integer")})
    assert merge_params(ParamsDict(), task_params, {"n": 2}) == {"n": 2}
    with pytest.raises(InvalidArgument, match="param 'n': 'x' is not of type 'integer'"):
        merge_params(ParamsDict(), task_params, {"n": "x"})


def test_a_dag_with_a_schedule_needs_good_defaults() -> None:
    with pytest.raises(InvalidArgument, match=r"DAG 'd', param 'n': it has no default.* a DAG with a schedule"):
        validate_dag(DAG("d", schedule="@daily", params={"n": Param(type="integer")}))
    validate_dag(DAG("d", params={"n": Param(type="integer"), "m": Param(None, type="string")}))


def test_a_schema_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="DAG 'd', param 'n': its schema is wrong: 'whole' is not valid"):
        validate_dag(DAG("d", params={"n": Param(1, type="whole")}))


def test_schemas_are_stored_with_the_dag() -> None:
    made = DAG("d", params={"plain": 1, "n": Param(2, "how many", type="integer"), "name": Param(type="string")})
    spec = serialize_dag(made, file="/d.py", folder="/")
    assert spec.params == {"plain": 1, "n": 2}
    assert spec.param_specs == {
        "n": ParamSpec({"type": "integer"}, "how many"),
        "name": ParamSpec({"type": "string"}, required=True),
    }


def test_native_templates_keep_the_type_of_a_param(context_for: Any) -> None:
    with DAG("d", params={"n": Param(3, type="integer")}, render_template_as_native_obj=True):
        operator = PythonOperator(task_id="t", python_callable=lambda n: n, op_kwargs={"n": "{{ params.n }}"})
    operator.render_template_fields(context_for(operator, conf={"n": 4}))
    assert operator.op_kwargs == {"n": 4}
