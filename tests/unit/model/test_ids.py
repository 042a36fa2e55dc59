"""Ids: what users may write, and what the engine makes."""

from __future__ import annotations

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bide.model.errors import InvalidId
from bide.model.ids import MAX_ID_LENGTH, check_id, check_run_id, uuid7


@pytest.mark.parametrize(
    "value", ["a", "etl.load-2", "~x", "A_b.c-d~e", "0", "x" * MAX_ID_LENGTH, "..", "t\u00e4glich", "\u65e5\u672c"]
)
def test_ids_that_users_may_give(value: str) -> None:
    assert check_id("task", value) == value


@pytest.mark.parametrize(
    "value",
    ["", "x" * (MAX_ID_LENGTH + 1), "a b", "a/b", "a\n", "\u00e4" * 126, "a:b", "a+b", "\u2028", "\ud800", "a\x00"],
)
def test_an_id_that_can_not_be_is_named_in_the_error(value: str) -> None:
    with pytest.raises(InvalidId, match="can't be a DAG id") as caught:
        check_id("DAG", value)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("value", [None, 1, b"a", ["a"]])
def test_an_id_is_a_string(value: object) -> None:
    with pytest.raises(InvalidId, match=f"must be a string, not {type(value).__name__}"):
        check_id("task", value)


@pytest.mark.parametrize("value", ["manual__2026-01-01T00:00:00.5+00:00", "a@b", "x"])
def test_run_ids_carry_time_stamps(value: str) -> None:
    assert check_run_id(value) == value


@pytest.mark.parametrize("value", ["", "a b", "a/b", "x" * 251, "../x", "a\n"])
def test_run_ids_that_can_not_be(value: str) -> None:
    with pytest.raises(InvalidId, match=re.escape(repr(value))):
        check_run_id(value)


@given(milliseconds=st.integers(0, 2**48 - 1), entropy=st.binary(min_size=10, max_size=10))
def test_row_ids_are_version_7_uuids(milliseconds: int, entropy: bytes) -> None:
    text = uuid7(milliseconds, entropy)
    made = uuid.UUID(text)
    assert str(made) == text
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == milliseconds


@given(st.integers(0, 2**48 - 2), st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
def test_row_ids_sort_by_their_moment(milliseconds: int, one: bytes, other: bytes) -> None:
    assert uuid7(milliseconds, one) < uuid7(milliseconds + 1, other)


@given(st.integers(0, 2**74 - 1), st.integers(0, 2**74 - 1))
def test_row_ids_keep_the_order_of_their_random_part(one: int, other: int) -> None:
    first, second = (uuid7(7, value.to_bytes(10, "big")) for value in (one, other))
    assert (first < second) is (one < other)
