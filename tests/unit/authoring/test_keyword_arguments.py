"""Which keyword arguments a function takes."""

import pytest

from bide.authoring.keyword_arguments import KeywordParameters, determine_kwargs, make_kwargs_callable


def narrow(a, ds, *, x=1):
    return (a, ds, x)


def wide(a, **context):
    return (a, context)


@pytest.mark.parametrize(("function", "expected"), [(narrow, {"ds": 2, "x": 3}), (wide, {"ds": 2, "x": 3, "z": 4})])
def test_a_function_gets_what_it_names(function, expected):
    assert determine_kwargs(function, (1,), {"ds": 2, "x": 3, "z": 4}) == expected
    assert KeywordParameters.determine(function, (1,), {"ds": 2, "x": 3, "z": 4}).unpacking() == expected


def test_a_name_that_a_position_has_is_refused():
    with pytest.raises(ValueError, match="'a' is given twice"):
        determine_kwargs(narrow, (1,), {"a": 2, "ds": 3})


def test_a_function_may_be_called_with_more_than_it_takes():
    assert make_kwargs_callable(narrow)(1, ds=2, z=9) == (1, 2, 1)
