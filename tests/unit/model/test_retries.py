"""Retries: whether, and exactly when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bide.model.dag_spec import TaskSpec
from bide.model.retries import LONGEST_DELAY, after_failed_wait, after_failure, delay_before

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def delays(tries: int, **fields: float | None) -> list[timedelta]:
    spec = TaskSpec("t", **fields)  # type: ignore[arg-type]
    return [delay_before(spec, number) for number in range(2, tries + 2)]


def test_without_back_off_every_delay_is_the_same() -> None:
    assert delays(4, retry_delay=300.0) == [timedelta(minutes=5)] * 4


def test_a_back_off_from_five_minutes_is_exactly_5_10_20_minutes() -> None:
    found = delays(3, retry_delay=300.0, retry_backoff=2.0)
    assert found == [timedelta(minutes=5), timedelta(minutes=10), timedelta(minutes=20)]


def test_a_factor_of_three() -> None:
    assert delays(3, retry_delay=1.0, retry_backoff=3.0) == [timedelta(seconds=s) for s in (1, 3, 9)]


def test_max_retry_delay_caps_the_back_off() -> None:
    found = delays(5, retry_delay=300.0, retry_backoff=2.0, max_retry_delay=900.0)
    assert found == [timedelta(minutes=m) for m in (5, 10, 15, 15, 15)]


def test_max_retry_delay_caps_a_constant_delay() -> None:
    assert delays(2, retry_delay=300.0, max_retry_delay=60.0) == [timedelta(minutes=1)] * 2


def test_a_back_off_never_exceeds_a_day() -> None:
    assert delays(1_000, retry_delay=300.0, retry_backoff=2.0)[-1] == timedelta(seconds=LONGEST_DELAY)
    assert delays(1_000, retry_delay=300.0, retry_backoff=2.0, max_retry_delay=1e9)[-1] == timedelta(days=1)


def test_a_constant_delay_may_be_longer_than_a_day() -> None:
    assert delays(2, retry_delay=3 * 86400.0) == [timedelta(days=3)] * 2


def test_no_delay_backs_off_to_no_delay() -> None:
    assert delays(50, retry_delay=0.0, retry_backoff=2.0) == [timedelta(0)] * 50


@given(
    retry_delay=st.floats(0, 1e6),
    retry_backoff=st.floats(1, 1e6),
    longest=st.none() | st.floats(0, 1e7),
    number=st.integers(2, 500),
)
def test_delays_are_bounded_and_never_shrink(
    retry_delay: float, retry_backoff: float, longest: float | None, number: int
) -> None:
    spec = TaskSpec("t", retry_delay=retry_delay, retry_backoff=retry_backoff, max_retry_delay=longest)
    delay = delay_before(spec, number)
    assert timedelta(0) <= delay <= delay_before(spec, number + 1)
    if longest is not None:
        assert delay <= timedelta(seconds=longest)
    if retry_backoff > 1:
        assert delay <= timedelta(seconds=LONGEST_DELAY)


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_retries_are_tries_after_the_first(retries: int) -> None:
    spec = TaskSpec("t", retries=retries, retry_delay=60.0)
    states = [
        after_failure(spec, try_number=number, max_tries=retries, may_retry=True, now=NOW).state
        for number in range(1, retries + 2)
    ]
    assert states == ["up_for_retry"] * retries + ["failed"]


def test_a_retry_is_due_after_the_delay_of_the_next_try() -> None:
    spec = TaskSpec("t", retries=3, retry_delay=300.0, retry_backoff=2.0)
    dues = [
        after_failure(spec, try_number=number, max_tries=3, may_retry=True, now=NOW).due_at for number in (1, 2, 3)
    ]
    assert dues == [NOW + timedelta(minutes=m) for m in (5, 10, 20)]


def test_a_failure_that_must_not_be_retried() -> None:
    spec = TaskSpec("t", retries=3)
    assert after_failure(spec, try_number=1, max_tries=3, may_retry=False, now=NOW) == ("failed", None)


def test_a_task_that_is_gone_from_the_dag_stays_failed() -> None:
    assert after_failure(None, try_number=1, max_tries=3, may_retry=True, now=NOW) == ("failed", None)
    assert after_failed_wait(None, try_number=1, max_tries=3, may_retry=True, now=NOW) == ("failed", None)


def test_soft_fail_skips_a_failed_wait_before_any_retry() -> None:
    spec = TaskSpec("t", retries=3, soft_fail=True)
    assert after_failed_wait(spec, try_number=1, max_tries=3, may_retry=True, now=NOW) == ("skipped", None)
    assert after_failure(spec, try_number=1, max_tries=3, may_retry=True, now=NOW).state == "up_for_retry"


def test_a_failed_wait_without_soft_fail_is_a_failure() -> None:
    spec = TaskSpec("t", retries=1, retry_delay=1.0)
    assert after_failed_wait(spec, try_number=1, max_tries=1, may_retry=True, now=NOW) == (
        "up_for_retry",
        NOW + timedelta(seconds=1),
    )


def test_a_delay_beyond_the_calendar_is_the_end_of_the_calendar() -> None:
    spec = TaskSpec("t", retries=1, retry_delay=timedelta.max.total_seconds())
    ended = after_failure(spec, try_number=1, max_tries=1, may_retry=True, now=NOW)
    assert ended.state == "up_for_retry"
    assert ended.due_at is not None
    assert ended.due_at.year == 9999


def test_after_a_clear_the_back_off_begins_anew() -> None:
    spec = TaskSpec("t", retries=2, retry_delay=60.0, retry_backoff=2.0)
    delays = [
        after_failure(spec, try_number=tries, max_tries=most, may_retry=True, now=NOW).due_at
        for tries, most in ((1, 2), (2, 2), (4, 5), (5, 5))
    ]
    assert delays == [NOW + timedelta(seconds=seconds) for seconds in (60, 120, 60, 120)]
    assert after_failure(spec, try_number=6, max_tries=5, may_retry=True, now=NOW).state == "failed"
