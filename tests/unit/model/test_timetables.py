"""When scheduled DAGs run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.support.cron_model import Cron, Window, intervals, ticks

from bide.model.errors import InvalidSchedule
from bide.model.schedule_text import PRESETS, parse_schedule
from bide.model.timetables import Interval, next_interval

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def following(
    schedule: str | None,
    *,
    last: Interval | None = None,
    start_date: datetime | None = None,
    end_date: datetime | None = None,
    catchup: bool = False,
    now: datetime = NOON,
    timezone: str = "UTC",
) -> Interval | None:
    return next_interval(
        parse_schedule(schedule, timezone),
        last=last,
        start_date=start_date,
        end_date=end_date,
        catchup=catchup,
        now=now,
    )


def every_run(
    schedule: str, *, start_date: datetime, now: datetime, end_date: datetime | None = None
) -> list[Interval]:
    """The runs that a DAG with catchup gets from its first day until `now`."""
    made: list[Interval] = []
    while True:
        one = following(
            schedule,
            last=made[-1] if made else None,
            start_date=start_date,
            end_date=end_date,
            catchup=True,
            now=now,
        )
        if one is None or one.run_after > now:
            return made
        made.append(one)


# --- reading schedules


@pytest.mark.parametrize("text", [None, "@none", "None"])
def test_no_schedule(text: str | None) -> None:
    assert parse_schedule(text).kind == "none"
    assert following(text, start_date=NOON, catchup=True) is None


@pytest.mark.parametrize(("preset", "cron"), PRESETS.items())
def test_presets_are_cron_expressions(preset: str, cron: str) -> None:
    spec = parse_schedule(preset)
    assert (spec.kind, spec.expressions, spec.text) == ("cron", (cron,), preset)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("* * * *", "five fields|Wrong number"),
        ("60 * * * *", "Bad minute"),
        ("* * 31 2 *", "never|day-of-month"),
        ("", "Wrong number|five fields"),
        ("@fortnightly", "presets are @once, @continuous, @hourly"),
        ("every day", "cron expression"),
        ("*/0 * * * *", "Bad minute"),
        ("5-1/0 * * * *", "Bad minute"),
    ],
)
def test_a_schedule_that_can_not_be_read_is_named_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidSchedule, match=reason) as caught:
        parse_schedule(text)
    assert repr(text) in str(caught.value)


def test_a_sixth_field_is_seconds() -> None:
    found = following("* * * * * */15", start_date=at("2026-03-02T12:00:01"), catchup=True)
    assert found == (at("2026-03-02T12:00:15"), at("2026-03-02T12:00:30"))


def test_seven_fields_are_refused() -> None:
    with pytest.raises(InvalidSchedule, match="five fields"):
        parse_schedule("0 0 * * * 0 2026")


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", ""])
def test_an_unknown_time_zone_is_named(zone: str) -> None:
    with pytest.raises(InvalidSchedule, match="unknown time zone") as caught:
        parse_schedule("@daily", zone)
    assert repr(zone) in str(caught.value)


# --- single rules


def test_a_run_starts_when_its_interval_is_over_and_is_named_by_its_start() -> None:
    assert following("@daily", last=Interval(at("2026-03-01"), at("2026-03-02"))) == (
        at("2026-03-02"),
        at("2026-03-03"),
    )


def test_without_catchup_only_the_latest_interval_that_is_over() -> None:
    found = following("@daily", start_date=at("2025-01-01"))
    assert found == (at("2026-03-01"), at("2026-03-02"))


def test_without_catchup_intervals_that_went_by_are_passed_over() -> None:
    last = Interval(at("2026-02-20"), at("2026-02-21"))
    assert following("@daily", last=last) == (at("2026-03-01"), at("2026-03-02"))


def test_without_catchup_a_dag_that_begins_later_waits_for_its_start() -> None:
    assert following("@daily", start_date=at("2026-04-01T00:00")) == (at("2026-04-01"), at("2026-04-02"))


def test_without_catchup_and_start_the_latest_interval() -> None:
    assert following("@hourly") == (at("2026-03-02T11:00"), at("2026-03-02T12:00"))


def test_an_interval_that_ends_this_moment_is_over() -> None:
    assert following("0 12 * * *") == (NOON - DAY, NOON)
    assert following("0 12 * * *", now=NOON - timedelta(microseconds=1)) == (NOON - 2 * DAY, NOON - DAY)


def test_catchup_begins_at_the_first_tick_from_the_start_date_on() -> None:
    assert following("@daily", start_date=at("2025-12-31T08:00"), catchup=True) == (
        at("2026-01-01"),
        at("2026-01-02"),
    )
    assert following("@daily", start_date=at("2026-01-01"), catchup=True) == (at("2026-01-01"), at("2026-01-02"))


def test_a_year_of_catchup_is_365_runs() -> None:
    made = every_run("@daily", start_date=at("2023-01-01"), now=at("2024-01-01T00:00:01"))
    assert len(made) == 365
    assert (made[0].start, made[-1].end) == (at("2023-01-01"), at("2024-01-01"))


def test_a_start_date_that_moved_forward_wins_over_the_last_run() -> None:
    last = Interval(at("2026-01-01"), at("2026-01-02"))
    found = following("@daily", last=last, start_date=at("2026-02-01"), catchup=True)
    assert found == (at("2026-02-01"), at("2026-02-02"))


def test_no_run_begins_after_the_end_date() -> None:
    made = every_run("@daily", start_date=at("2026-01-01"), end_date=at("2026-01-03"), now=NOON)
    assert [one.start.day for one in made] == [1, 2, 3]
    assert following("@daily", end_date=at("2026-02-01")) is None


def test_once_is_one_run_ever() -> None:
    first = following("@once", start_date=at("2026-01-01"))
    assert first == (at("2026-01-01"), at("2026-01-01"))
    assert following("@once", last=first, start_date=at("2026-01-01")) is None
    assert following("@once") == (NOON, NOON)
    assert following("@once", start_date=NOON, end_date=NOON - DAY) is None


def test_ranges_and_steps() -> None:
    hours = every_run("0 */4 * * *", start_date=at("2026-03-01"), now=at("2026-03-02"))
    assert [one.start.hour for one in hours] == [0, 4, 8, 12, 16, 20]
    weekdays = every_run("0 0 * * 1-5", start_date=at("2026-02-23"), now=at("2026-03-02"))
    assert [one.start.isoweekday() for one in weekdays] == [1, 2, 3, 4, 5]
    assert weekdays[-1].end - weekdays[-1].start == 3 * DAY


def test_weeks_begin_on_sunday_and_months_on_the_first() -> None:
    assert following("@weekly") == (at("2026-02-22"), at("2026-03-01"))
    assert following("@monthly") == (at("2026-02-01"), at("2026-03-01"))
    assert following("@quarterly") == (at("2025-10-01"), at("2026-01-01"))


def test_a_leap_day_schedule_reaches_over_four_years() -> None:
    assert following("0 0 29 2 *") == (at("2020-02-29"), at("2024-02-29"))


# --- daylight saving


def berlin(schedule: str, start: str, end: str) -> list[str]:
    """Local times of the ticks from `start` on, whose intervals are over at `end`."""
    spec_zone = "Europe/Berlin"
    found: list[str] = []
    last: Interval | None = None
    while True:
        one = following(schedule, last=last, start_date=at(start), catchup=True, now=at(end), timezone=spec_zone)
        assert one is not None
        if one.run_after > at(end):
            return found
        found.append(one.start.strftime("%d %H:%M"))
        last = one


def test_a_daily_run_keeps_its_time_on_the_wall_over_the_change() -> None:
    # 08:00 in Berlin is 07:00 UTC in winter and 06:00 UTC from 29 March on.
    assert berlin("0 8 * * *", "2026-03-27", "2026-03-31T12:00") == ["27 07:00", "28 07:00", "29 06:00", "30 06:00"]


def test_a_time_that_the_change_skips_runs_as_much_later() -> None:
    # There is no 02:30 on 29 March: the clock jumps an hour at 01:00 UTC, and 03:30 is 01:30 UTC.
    assert berlin("30 2 * * *", "2026-03-28", "2026-03-31T12:00") == ["28 01:30", "29 01:30", "30 00:30"]


def test_a_skipped_time_that_falls_on_another_one_is_one_run() -> None:
    found = berlin("30 2,3 * * *", "2026-03-28T12:00", "2026-03-30T12:00")
    assert found == ["29 01:30", "30 00:30"]


def test_every_other_hour_keeps_to_the_wall_clock() -> None:
    # 02:00 does not exist on 29 March, and comes twice on 25 October.
    assert berlin("0 */2 * * *", "2026-03-28T22:00", "2026-03-29T04:00") == ["28 23:00", "29 01:00", "29 02:00"]
    assert berlin("0 */2 * * *", "2026-10-24T21:00", "2026-10-25T05:00") == ["24 22:00", "25 01:00", "25 03:00"]


def test_a_time_that_comes_twice_runs_once() -> None:
    # 02:30 comes at 00:30 and at 01:30 UTC on 25 October.
    assert berlin("30 2 * * *", "2026-10-24", "2026-10-27T12:00") == ["24 00:30", "25 01:30", "26 01:30"]


def test_hourly_runs_follow_real_hours() -> None:
    found = berlin("0 * * * *", "2026-10-24T22:00", "2026-10-25T04:00")
    assert found == ["24 22:00", "24 23:00", "25 00:00", "25 01:00", "25 02:00", "25 03:00"]


# --- against the model

WINDOWS = [
    Window("UTC", at("2026-02-22")),
    Window("Europe/Berlin", at("2026-03-22")),
    Window("Europe/Berlin", at("2026-10-18")),
    Window("America/New_York", at("2026-03-01")),
    Window("America/St_Johns", at("2026-10-25")),
    Window("Australia/Lord_Howe", at("2026-03-29")),  # half an hour
    Window("Australia/Lord_Howe", at("2026-09-27")),
    Window("America/Sao_Paulo", at("2018-10-28")),  # the gap begins at midnight
    Window("Antarctica/Troll", at("2026-03-22")),  # two hours
    Window("Pacific/Apia", at("2011-12-22")),  # a whole day is missing
]

crons = st.builds(
    Cron,
    minute=st.sampled_from(["*", "*/15", "*/7", "0", "30", "15,45", "10-12", "59"]),
    hour=st.sampled_from(["*", "0-23", "*/2", "*/6", "*/5", "0", "1", "2", "3", "1,2,3", "0-4", "23", "12"]),
    day=st.sampled_from(["*", "*", "*", "*/2", "1-31", "28", "29-31", "1,30"]),
    month=st.sampled_from(["*", "*", "3,10,11"]),
    weekday=st.sampled_from(["*", "*", "*", "0", "7", "1-5", "6"]),
)


def in_window(draw: st.DrawFn, window: Window, *, days: tuple[float, float]) -> datetime:
    """A moment between two days of the window, to the second or on a minute."""
    seconds = draw(st.integers(int(days[0] * 86_400), int(days[1] * 86_400)))
    if draw(st.booleans()):
        seconds -= seconds % 60
    return window.start + timedelta(seconds=seconds)


@st.composite
def questions(draw: st.DrawFn) -> tuple[Cron, Window, dict[str, object]]:
    cron, window = draw(crons), draw(st.sampled_from(WINDOWS))
    found = ticks(cron, window)
    assume(len(found) >= 3)
    last = None
    if draw(st.booleans()):
        place = draw(st.integers(0, min(len(found) - 2, 400)))
        last = Interval(found[place], found[place + 1])
    some = st.none() | st.just(True)
    return (
        cron,
        window,
        {
            "last": last,
            "start_date": in_window(draw, window, days=(0, 9)) if draw(some) else None,
            "end_date": in_window(draw, window, days=(4, 10)) if draw(some) else None,
            "catchup": draw(st.booleans()),
            "now": in_window(draw, window, days=(3, 11)),
        },
    )


def expected(
    found: list[datetime],
    *,
    last: Interval | None,
    start_date: datetime | None,
    end_date: datetime | None,
    catchup: bool,
    now: datetime,
) -> tuple[datetime, datetime] | None:
    """The next interval by looking through all of them."""
    pairs = [
        pair
        for pair in intervals(found)
        if (last is None or pair[0] >= last.end) and (start_date is None or pair[0] >= start_date)
    ]
    over = [pair for pair in pairs if pair[1] <= now]
    bounded = last is not None or start_date is not None
    if over and not (catchup and bounded):
        pairs = over[-1:]
    # What lies behind the window can't be seen from here.
    assume(pairs)
    assume(bounded or over)
    return None if end_date is not None and pairs[0][0] > end_date else pairs[0]


@settings(max_examples=80, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(questions())
def test_next_interval_as_the_minute_by_minute_model_says(
    question: tuple[Cron, Window, dict[str, object]],
) -> None:
    cron, window, given_values = question
    wanted = expected(ticks(cron, window), **given_values)  # type: ignore[arg-type]
    assert following(str(cron), timezone=window.zone, **given_values) == wanted  # type: ignore[arg-type]


@settings(max_examples=80)
@given(crons, st.sampled_from(WINDOWS))
def test_catchup_goes_through_every_tick_once(cron: Cron, window: Window) -> None:
    found = ticks(cron, window)
    assume(len(found) >= 2)
    # Around the change, which is in the middle of the window.
    wanted = list(intervals([one for one in found if one >= window.start + 6 * DAY]))[:50]
    assume(wanted)
    made: list[tuple[datetime, datetime]] = []
    last: Interval | None = None
    for _ in wanted:
        last = following(
            str(cron),
            last=last,
            start_date=wanted[0][0],
            catchup=True,
            now=window.end,
            timezone=window.zone,
        )
        assert last is not None
        made.append(last)
    assert made == wanted
