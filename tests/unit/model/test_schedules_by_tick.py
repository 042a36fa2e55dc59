"""Schedules beside cron with data intervals: triggers, deltas, events; and what runs by hand are about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from dateutil.relativedelta import FR, MO, relativedelta
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.support.cron_model import Cron, Window, ticks

from bide.model.schedule_spec import ScheduleSpec
from bide.model.schedule_text import parse_schedule
from bide.model.spans import as_interval, span_of
from bide.model.timetables import Interval, manual_interval, next_interval

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def cron(*expressions: str, zone: str = "UTC", **fields: Any) -> ScheduleSpec:
    return ScheduleSpec(kind="cron", expressions=expressions, timezone=zone, intervals=False, **fields)


def every(delta: object, *, intervals: bool = True, **fields: Any) -> ScheduleSpec:
    return ScheduleSpec(kind="delta", delta=span_of(delta), intervals=intervals, **fields)


def following(schedule: ScheduleSpec, **given_values: Any) -> Interval | None:
    values: dict[str, Any] = {"last": None, "start_date": None, "end_date": None, "catchup": False, "now": NOON}
    return next_interval(schedule, **{**values, **given_values})


def run_at(moment: datetime | None) -> Interval | None:
    return None if moment is None else Interval(moment, moment)


# --- a run at each tick


def test_a_run_at_each_tick_with_the_tick_as_its_date() -> None:
    noons = cron("0 12 * * *")
    assert following(noons, last=run_at(NOON)) == run_at(NOON + DAY)
    assert following(noons, start_date=at("2026-02-01")) == run_at(NOON)
    assert following(noons, start_date=at("2026-02-01"), catchup=True) == run_at(at("2026-02-01T12:00"))


def test_a_data_interval_of_ones_own_ends_at_the_tick() -> None:
    weekly = cron("0 12 * * *", interval=span_of(timedelta(days=7)))
    assert following(weekly, last=run_at(NOON)) == (NOON + DAY - timedelta(days=7), NOON + DAY)
    monthly = cron("0 0 1 * *", interval=span_of(relativedelta(months=1)))
    assert following(monthly, now=NOON) == (at("2026-03-01"), at("2026-04-01"))


@pytest.mark.parametrize(
    ("immediately", "minutes_ago", "runs_the_last"),
    [
        (False, 1, False),
        (True, 59, True),
        (None, 5, True),
        (None, 6, True),
        (None, 7, False),
        (600.0, 10, True),
        (600.0, 11, False),
    ],
)
def test_the_first_run_without_a_start_date(
    immediately: bool | float | None, minutes_ago: int, runs_the_last: bool
) -> None:
    now = NOON + timedelta(minutes=minutes_ago)
    # With catchup nothing but `run_immediately` decides; without, it may take the last one too.
    for catchup in (True, False):
        found = following(cron("0 * * * *", run_immediately=immediately), now=now, catchup=catchup)
        expected = NOON if runs_the_last else NOON + HOUR
        assert found == run_at(expected) if catchup or not runs_the_last else found == run_at(NOON)


def test_a_first_run_that_was_planned_comes_although_time_has_passed() -> None:
    hourly = cron("0 * * * *")
    planned = following(hourly, now=NOON + timedelta(minutes=30))
    assert planned == run_at(NOON + HOUR)
    assert following(hourly, now=NOON + HOUR + timedelta(seconds=1), planned=planned) == planned
    # After a long pause only the last one does, without catchup.
    assert following(hourly, now=NOON + 5 * HOUR, planned=planned) == run_at(NOON + 5 * HOUR)


def test_the_end_date_is_the_last_moment_of_a_run() -> None:
    assert following(cron("0 12 * * *"), last=run_at(NOON), end_date=NOON + DAY) == run_at(NOON + DAY)
    assert following(cron("0 12 * * *"), last=run_at(NOON), end_date=NOON + DAY - HOUR) is None


WINDOWS = [
    Window("UTC", at("2026-02-22")),
    Window("Europe/Berlin", at("2026-03-22")),
    Window("America/New_York", at("2026-10-25")),
    Window("Australia/Lord_Howe", at("2026-09-27")),
]
crons = st.builds(
    Cron,
    minute=st.sampled_from(["*/20", "0", "30", "5-7"]),
    hour=st.sampled_from(["*", "*/5", "1,2,3", "2", "12"]),
    day=st.sampled_from(["*", "*/2", "28"]),
    month=st.just("*"),
    weekday=st.sampled_from(["*", "1-5"]),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(crons, min_size=1, max_size=3),
    st.sampled_from(WINDOWS),
    st.booleans(),
    st.integers(0, 11 * 1440),
    st.one_of(st.none(), st.integers(0, 5 * 1440)),
    st.one_of(st.none(), st.integers(0, 100)),
)
def test_several_crons_are_all_their_ticks(
    several: list[Cron], window: Window, catchup: bool, minute: int, start: int | None, last: int | None
) -> None:
    found = sorted({tick for one in several for tick in ticks(one, window)})
    now = window.start + timedelta(minutes=minute)
    start_date = None if start is None else window.start + timedelta(minutes=start)
    last_run = None if last is None or last >= len(found) else found[last]
    assume(start_date is not None or last_run is not None)
    left = [
        one for one in found if (start_date is None or one >= start_date) and (last_run is None or one > last_run)
    ]
    past = [one for one in left if one <= now]
    wanted = past[-1] if past and not catchup else (left or [None])[0]
    assume(wanted is not None)
    answer = following(
        cron(*map(str, several), zone=window.zone),
        now=now,
        catchup=catchup,
        start_date=start_date,
        last=run_at(last_run),
    )
    assert answer == run_at(wanted)


# --- every so often


def test_every_so_often_from_the_start_date_on() -> None:
    start = at("2026-03-01T08:30")
    two_hours = every(timedelta(hours=2))
    assert following(two_hours, start_date=start, catchup=True) == (start, start + 2 * HOUR)
    # 12:00 is inside of the interval from 10:30 to 12:30.
    assert following(two_hours, start_date=start) == (at("2026-03-02T08:30"), at("2026-03-02T10:30"))
    assert following(two_hours, last=Interval(start, NOON)) == (NOON, NOON + 2 * HOUR)


def test_every_so_often_without_a_start_is_counted_from_midnight() -> None:
    assert following(every(DAY)) == (at("2026-03-01"), at("2026-03-02"))
    assert following(every(relativedelta(months=1))) == (at("2026-02-01"), at("2026-03-01"))


def test_months_are_as_long_as_they_are() -> None:
    monthly = every(relativedelta(months=1))
    assert following(monthly, start_date=at("2026-01-15"), catchup=True) == (at("2026-01-15"), at("2026-02-15"))
    last = Interval(at("2026-01-15"), at("2026-02-15"))
    assert following(monthly, last=last, catchup=True) == (at("2026-02-15"), at("2026-03-15"))


def test_parts_of_the_calendar_are_set() -> None:
    mondays = every(relativedelta(days=1, weekday=MO(1), hour=9, minute=0), intervals=False)
    assert following(mondays, last=run_at(at("2026-03-02T09:00"))) == run_at(at("2026-03-09T09:00"))
    fridays = every(relativedelta(months=1, day=31, weekday=FR(-1)))
    found = following(fridays, last=Interval(at("2026-01-30"), at("2026-02-27")), catchup=True)
    assert found == (at("2026-02-27"), at("2026-03-27"))


def test_many_steps_by_the_calendar_do_not_take_long() -> None:
    on_the_minute = every(relativedelta(minutes=1, second=0), intervals=False)
    assert following(on_the_minute, start_date=at("2015-01-01")) == run_at(NOON)


@settings(max_examples=80, deadline=None)
@given(
    st.one_of(
        st.timedeltas(timedelta(minutes=1), timedelta(days=3)),
        st.builds(
            lambda months, days: relativedelta(months=months, days=days), st.integers(1, 5), st.integers(0, 9)
        ),
        st.builds(lambda hours: relativedelta(hours=hours, minute=5), st.integers(1, 9)),
    ),
    st.booleans(),
    st.booleans(),
    st.integers(0, 400_000),
    st.integers(0, 500_000),
    st.one_of(st.none(), st.integers(0, 10)),
)
def test_deltas_as_by_adding_them_up(
    delta: Any, intervals: bool, catchup: bool, start: int, minute: int, last: int | None
) -> None:
    start_date = at("2025-03-01") + timedelta(minutes=start)
    now = at("2025-03-01") + timedelta(minutes=minute)
    moments = [start_date]
    while moments[-1] <= now or len(moments) < 15:
        moments.append(moments[-1] + delta)
    last_run = None
    if last is not None:
        last_run = Interval(moments[last], moments[last + 1]) if intervals else run_at(moments[last])
    pairs = list(pairwise(moments)) if intervals else [(one, one) for one in moments]
    left = [
        pair
        for pair in pairs
        if last_run is None or (pair[0] >= last_run.end if intervals else pair[0] > last_run.end)
    ]
    over = [pair for pair in left if pair[1] <= now]
    wanted = over[-1] if over and not catchup else left[0]
    spec = every(delta, intervals=intervals)
    assert following(spec, start_date=start_date, now=now, catchup=catchup, last=last_run) == wanted


@given(st.one_of(st.timedeltas(), st.builds(relativedelta, months=st.integers(-20, 20), days=st.integers(-9, 9))))
def test_spans_come_back_as_they_were(delta: Any) -> None:
    begin = at("2026-03-31")
    try:
        wanted = begin + delta
    except OverflowError:
        assume(False)
    assert begin + as_interval(span_of(delta)) == wanted


# --- events, continuous

EVENTS = ("2026-03-01T09:00:00+00:00", "2026-03-02T15:00:00+00:00", "2026-03-09T09:00:00+00:00")


def test_events_of_the_past_run_with_catchup_only() -> None:
    events = ScheduleSpec(kind="events", events=EVENTS)
    assert following(events) == run_at(at("2026-03-02T15:00"))
    assert following(events, catchup=True) == run_at(at("2026-03-01T09:00"))
    assert following(events, last=run_at(at("2026-03-02T15:00"))) == run_at(at("2026-03-09T09:00"))
    assert following(events, last=run_at(at("2026-03-09T09:00"))) is None
    assert following(events, end_date=at("2026-03-02")) is None


def test_an_event_that_was_waited_for_runs() -> None:
    events = ScheduleSpec(kind="events", events=EVENTS)
    planned = following(events)
    later = at("2026-03-02T15:00:01")
    assert following(events, planned=planned, now=later) == planned
    assert following(events, planned=planned, now=at("2026-03-10")) == run_at(at("2026-03-09T09:00"))


def test_continuous_runs_follow_each_other() -> None:
    always = parse_schedule("@continuous")
    first = following(always, start_date=NOON - DAY)
    assert first == (NOON - DAY, NOON)
    assert following(always, last=first, now=NOON + HOUR) == (NOON, NOON + HOUR)
    assert following(always, start_date=NOON + DAY) == (NOON + DAY, NOON + DAY)
    # Not more than one in a second, however short they are.
    assert following(always, last=first, now=NOON + timedelta(milliseconds=5)) == (
        NOON,
        NOON + timedelta(seconds=1),
    )


# --- runs by hand


@pytest.mark.parametrize(
    ("schedule", "interval"),
    [
        (parse_schedule(None), (NOON, NOON)),
        (parse_schedule("@once"), (NOON, NOON)),
        (parse_schedule("@continuous"), (NOON, NOON)),
        (parse_schedule("0 0 * * *"), (at("2026-03-01"), at("2026-03-02"))),
        (parse_schedule("0 12 * * *"), (NOON - DAY, NOON)),
        (parse_schedule("0 0 * * *", "Europe/Berlin"), (at("2026-02-28T23:00"), at("2026-03-01T23:00"))),
        (cron("0 0 * * *"), (NOON, NOON)),
        (cron("0 0 * * *", interval=span_of(DAY)), (NOON - DAY, NOON)),
        (every(HOUR), (NOON - HOUR, NOON)),
        (every(HOUR, intervals=False), (NOON, NOON)),
        (ScheduleSpec(kind="events", events=EVENTS), (NOON, NOON)),
        (ScheduleSpec(kind="events", events=EVENTS, restrict_to_events=True), (at("2026-03-01T09:00"),) * 2),
    ],
)
def test_what_a_run_by_hand_is_about(schedule: ScheduleSpec, interval: tuple[datetime, datetime]) -> None:
    assert manual_interval(schedule, NOON) == interval


def test_before_the_first_event_a_run_by_hand_is_about_that() -> None:
    events = ScheduleSpec(kind="events", events=EVENTS, restrict_to_events=True)
    assert manual_interval(events, at("2020-01-01")) == run_at(at("2026-03-01T09:00"))
