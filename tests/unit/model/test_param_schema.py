"""Values of parameters against their schemas."""

from __future__ import annotations

from typing import Any

import pytest

from bide.model.dag_spec import ParamSpec
from bide.model.param_schema import problem_of, problem_of_schema, problem_of_values


@pytest.mark.parametrize(
    ("schema", "value", "problem"),
    [
        ({}, object, ""),
        ({"type": "integer"}, 5, ""),
        ({"type": "integer"}, "5", "'5' is not of type 'integer'"),
        ({"type": "integer", "minimum": 1}, 0, "0 is less than the minimum of 1"),
        ({"type": ["null", "string"]}, None, ""),
        ({"type": "string"}, None, "None is not of type 'string'"),
        ({"enum": ["a", "b"]}, "c", "'c' is not one of ['a', 'b']"),
        ({"type": "string", "maxLength": 3}, "long", "'long' is too long"),
        ({"type": "string", "pattern": "^a"}, "b", "'b' does not match '^a'"),
        ({"type": "string", "format": "date"}, "2024-02-30", "'2024-02-30' is not a 'date'"),
        ({"type": "string", "format": "date"}, "2024-02-29", ""),
        ({"type": "string", "format": "date-time"}, "2024-02-29T10:00:00+00:00", ""),
        ({"type": "string", "format": "date-time"}, "2024-02-29", "'2024-02-29' is not a 'date-time'"),
        ({"type": "string", "format": "date-time"}, "2024-02-29T10:00:00", "is not a 'date-time'"),
        ({"type": "string", "format": "time"}, "25:00", "'25:00' is not a 'time'"),
        ({"type": "string", "format": "email"}, "nobody", "'nobody' is not a 'email'"),
        ({"type": "string", "format": "uri"}, "here", "'here' is not a 'uri'"),
        ({"type": "string", "format": "multiline"}, "a\nb", ""),
        ({"type": ["null", "string"], "format": "date"}, None, ""),
        ({"type": "array", "items": {"type": "string"}}, ["a", 1], "1 is not of type 'string' at $[1]"),
        (
            {"type": "object", "properties": {"n": {"type": "integer"}}},
            {"n": "x"},
            "'x' is not of type 'integer' at $.n",
        ),
        ({"anyOf": [{"type": "integer"}, {"const": "all"}]}, "all", ""),
    ],
)
def test_what_is_wrong_is_said(schema: dict[str, Any], value: Any, problem: str) -> None:
    found = problem_of(schema, value)
    assert problem in found
    assert bool(found) is bool(problem)


def test_a_wrong_schema_is_told_from_a_wrong_value() -> None:
    assert problem_of_schema({"type": "integer"}) == ""
    assert "'whole'" in problem_of_schema({"type": "whole"})
    assert problem_of({"type": "whole"}, 1).startswith("its schema is wrong: ")


PARAMS = {
    "count": ParamSpec({"type": "integer"}),
    "name": ParamSpec({"type": "string"}, required=True),
    "free": ParamSpec(description="anything"),
}


@pytest.mark.parametrize(
    ("conf", "problem"),
    [
        ({"name": "x"}, ""),
        ({"name": "x", "count": 3, "other": object}, ""),
        ({}, "param 'name': it has no default, so conf must give a value for it"),
        ({"name": 1}, "param 'name': 1 is not of type 'string'"),
        ({"name": "x", "count": None}, "param 'count': None is not of type 'integer'"),
    ],
)
def test_the_conf_of_a_run(conf: dict[str, Any], problem: str) -> None:
    assert problem_of_values(PARAMS, {"count": 1, "free": None}, conf) == problem


def test_a_default_that_is_no_good_needs_a_value() -> None:
    problem = problem_of_values(PARAMS, {"count": None, "free": 1}, {"name": "x"})
    assert problem == (
        "param 'count': None is not of type 'integer'; that is its default, so conf must give a value for it"
    )
