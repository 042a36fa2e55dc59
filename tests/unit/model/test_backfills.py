"""Which dates a backfill has, and what it does about each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bide.model.backfills import MOST_DATES, Reprocess, Step, dates_between, most_at_once, room_to_make, step_of
from bide.model.errors import InvalidArgument
from bide.model.schedule_spec import ScheduleSpec
from bide.model.schedule_text import parse_schedule
from bide.model.states import RunState

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def test_both_ends_are_included() -> None:
    found = dates_between(parse_schedule("@daily"), at("2024-01-01"), at("2024-01-31"), NOW)
    assert [one.start for one in found] == [at("2024-01-01") + timedelta(days=number) for number in range(31)]
    assert all(one.end - one.start == timedelta(days=1) for one in found)


def test_days_are_those_of_the_schedule() -> None:
    zone = "Europe/Amsterdam"
    found = dates_between(parse_schedule("@daily", zone), at("2024-03-30", zone), at("2024-04-01", zone), NOW)
    assert [one.start.astimezone(ZoneInfo(zone)).isoformat() for one in found] == [
        "2024-03-30T00:00:00+01:00",
        "2024-03-31T00:00:00+01:00",
        "2024-04-01T00:00:00+02:00",
    ]


def test_what_is_not_over_is_left_out() -> None:
    found = dates_between(parse_schedule("@daily"), at("2026-03-27"), at("2026-04-05"), NOW)
    assert [one.start.day for one in found] == [27, 28]


def test_runs_at_ticks_have_the_ticks_as_dates() -> None:
    found = dates_between(parse_schedule("0 6 * * 1-5", intervals=False), at("2024-01-05"), at("2024-01-09"), NOW)
    assert [one.start for one in found] == [at("2024-01-05T06:00"), at("2024-01-08T06:00")]


def test_events_are_dates() -> None:
    events = ("2024-01-01T08:00:00+00:00", "2024-02-01T08:00:00+00:00", "2024-03-01T08:00:00+00:00")
    found = dates_between(ScheduleSpec(kind="events", events=events), at("2024-01-15"), at("2024-03-01T08:00"), NOW)
    assert [one.start.month for one in found] == [2, 3]


@given(
    first=st.datetimes(datetime(2020, 1, 1), datetime(2025, 1, 1), timezones=st.just(UTC)),
    hours=st.integers(0, 2_000),
    text=st.sampled_from(["@hourly", "@daily", "0 */4 * * *", "30 8 * * 1-5", "@weekly"]),
    intervals=st.booleans(),
)
def test_dates_lie_in_the_range_in_order_and_none_is_missing(
    first: datetime, hours: int, text: str, intervals: bool
) -> None:
    last, schedule = first + timedelta(hours=hours), parse_schedule(text, intervals=intervals)
    try:
        found = [one.start for one in dates_between(schedule, first, last, NOW)]
    except InvalidArgument:
        found = []
    assert found == sorted(set(found))
    assert all(first <= one <= last for one in found)
    # Halves of the range have the dates of the whole.
    middle = first + (last - first) / 2
    halves: list[datetime] = []
    for begin, end in ((first, middle), (middle + timedelta(microseconds=1), last)):
        try:
            halves += [one.start for one in dates_between(schedule, begin, end, NOW)]
        except InvalidArgument:
            continue
    assert halves == found


@pytest.mark.parametrize(
    ("schedule", "first", "last", "message"),
    [
        (None, "2024-01-01", "2024-01-02", "kind 'none' does not say which dates"),
        ("@once", "2024-01-01", "2024-01-02", "kind 'once'"),
        ("@continuous", "2024-01-01", "2024-01-02", "kind 'continuous'"),
        ("@daily", "2024-01-02", "2024-01-01", "ends before it begins"),
        ("@monthly", "2024-01-02", "2024-01-20", "no run of the schedule is due between"),
        ("* * * * *", "2024-01-01", "2024-12-31", f"more than {MOST_DATES:,} runs"),
    ],
)
def test_a_range_that_makes_no_backfill(schedule: str | None, first: str, last: str, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        dates_between(parse_schedule(schedule), at(first), at(last), NOW)


@pytest.mark.parametrize(
    ("state", "steps"),
    [
        (None, (Step.MAKE, Step.MAKE, Step.MAKE)),
        (RunState.QUEUED, (Step.IN_FLIGHT, Step.IN_FLIGHT, Step.IN_FLIGHT)),
        (RunState.RUNNING, (Step.IN_FLIGHT, Step.IN_FLIGHT, Step.IN_FLIGHT)),
        (RunState.SUCCESS, (Step.EXISTS, Step.EXISTS, Step.AGAIN)),
        (RunState.FAILED, (Step.EXISTS, Step.AGAIN, Step.AGAIN)),
    ],
)
def test_what_is_done_about_a_date(state: RunState | None, steps: tuple[Step, Step, Step]) -> None:
    ways = (Reprocess.NONE, Reprocess.FAILED, Reprocess.COMPLETED)
    assert tuple(step_of(state, way) for way in ways) == steps


@given(own=st.none() | st.integers(1, 50), of_dag=st.integers(1, 50))
def test_a_backfill_leaves_one_place_to_others(own: int | None, of_dag: int) -> None:
    most = most_at_once(own, of_dag)
    assert 1 <= most <= (own or of_dag)
    assert most < of_dag or of_dag == 1


@given(most=st.integers(1, 200), unfinished=st.integers(0, 400))
def test_runs_are_made_several_at_a_time_and_none_is_missing(most: int, unfinished: int) -> None:
    room = room_to_make(most, unfinished)
    assert unfinished + room <= max(unfinished, 2 * most)
    assert room == 0 or unfinished + room >= most + 1
    assert room > 0 or unfinished >= most  # who has room to start finds a run that waits


def test_one_at_a_time_has_one_that_waits() -> None:
    assert [room_to_make(1, unfinished) for unfinished in range(4)] == [2, 1, 0, 0]


def test_half_of_those_that_wait_have_begun_before_more_are_made() -> None:
    assert [room_to_make(8, unfinished) for unfinished in (8, 11, 12, 13, 16)] == [8, 5, 4, 0, 0]
    assert [room_to_make(100, unfinished) for unfinished in (100, 116, 117)] == [32, 16, 0]
