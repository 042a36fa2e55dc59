"""Stored values taken apart are what they are as a whole, element by element."""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bide.model.errors import ProtocolError
from bide.model.value_elements import split
from bide.model.values import decode, encode

leaf = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.dates(), st.binary())
nested = st.recursive(
    leaf, lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)), max_leaves=8
)


@given(st.one_of(st.lists(nested), st.lists(nested).map(tuple)))
def test_lists_and_tuples(values: Any) -> None:
    found = split(encode(values, what="v"))
    assert len(found) == len(values)
    assert list(found) == list(values)
    assert found[:] == list(values)


@given(st.one_of(st.dictionaries(st.text(), nested), st.dictionaries(st.one_of(st.integers(), st.dates()), nested)))
def test_dicts_give_their_pairs(values: Any) -> None:
    assert list(split(encode(values, what="v"))) == list(values.items())


class Point(NamedTuple):
    x: int
    y: Any


@pytest.mark.parametrize("value", [Point(1, dt.date(2026, 1, 1)), OrderedDict(a=1, __bide__=2)])
def test_other_kinds_of_tuples_and_dicts(value: Any) -> None:
    whole = decode(encode(value, what="v"))
    expected = list(whole.items()) if isinstance(whole, dict) else list(whole)
    assert list(split(encode(value, what="v"))) == expected


def test_each_element_is_made_anew() -> None:
    found = split(encode([[1]], what="v"))
    found[0].append(2)
    assert found[0] == [1]


@pytest.mark.parametrize("value", [5, "text", None, {1, 2}, dt.date(2026, 1, 1)])
def test_what_has_no_elements(value: Any) -> None:
    with pytest.raises(ProtocolError, match=r"has no elements|can't be taken apart"):
        split(encode(value, what="v"))
