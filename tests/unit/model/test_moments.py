"""Sums of moments never leave the calendar."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bide.model.moments import LATEST, from_unix, later

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
moments = st.datetimes(timezones=st.just(UTC), max_value=datetime(9999, 12, 30))


@given(moments, st.floats(min_value=0, max_value=1e9))
def test_a_span_within_the_calendar_is_added(moment: datetime, seconds: float) -> None:
    added = later(moment, seconds)
    assert added == LATEST or added == moment + timedelta(seconds=seconds)


@given(moments, st.floats(min_value=0, allow_infinity=True))
def test_the_sum_is_never_past_the_end(moment: datetime, seconds: float) -> None:
    assert moment <= later(moment, seconds) <= LATEST


def test_the_longest_span_of_python_is_never() -> None:
    assert later(NOW, timedelta.max.total_seconds()) == LATEST


@pytest.mark.parametrize("seconds", [1e15, math.inf])
def test_a_unix_time_past_the_end(seconds: float) -> None:
    assert from_unix(seconds) == LATEST


@pytest.mark.parametrize("seconds", [-1.0, -1e15, -math.inf])
def test_a_unix_time_before_1970(seconds: float) -> None:
    assert from_unix(seconds).timestamp() == 0


def test_a_unix_time_keeps_its_microseconds() -> None:
    moment = NOW + timedelta(microseconds=123_456)
    assert from_unix(moment.timestamp()) == moment
