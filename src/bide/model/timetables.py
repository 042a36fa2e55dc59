"""When a scheduled DAG runs: a function of its schedule, its last run and the clock.

A run covers a data interval, and its logical date is the interval's start. By default it starts when the interval
is over; schedules without intervals start a run at each tick, as Airflow's trigger timetables do
(https://airflow.apache.org/docs/apache-airflow/stable/authoring-and-scheduling/timetable.html).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from bide.model.schedule_spec import ScheduleSpec, SpanSpec
from bide.model.spans import add
from bide.model.ticks import Ticks, at_or_after, at_or_before, ticks_of

#: A tick that was missed by no more than this, or by a tenth of the pause, is taken all the same (see
#: :attr:`ScheduleSpec.run_immediately`).
_SOON: Final = timedelta(minutes=5)
#: From one run to the next where they follow each other without a pause.
_SHORTEST: Final = timedelta(seconds=1)


class Interval(NamedTuple):
    """A data interval, in UTC."""

    start: datetime
    end: datetime

    @property
    def run_after(self) -> datetime:
        """The moment from which its run may start."""
        return self.end


def next_interval(
    schedule: ScheduleSpec,
    *,
    last: Interval | None,
    start_date: datetime | None,
    end_date: datetime | None,
    catchup: bool,
    now: datetime,
    planned: Interval | None = None,
) -> Interval | None:
    """The interval of the next run, or None if there is none to come.

    `last` is the interval of the last scheduled run. With `catchup` the next follows it (or starts at
    `start_date`); without, what is over at `now` is passed over but for the latest. `planned` is the answer of an
    earlier call for the same `last`: what has come due since then is not forgotten.
    """
    match schedule.kind:
        case "none":
            return None
        case "once":
            at = start_date or now
            found = None if last is not None else Interval(at, at)
        case "continuous":
            found = _continuous(last, start_date, now)
        case "events":
            found = _next_event(schedule, last, start_date, catchup, now, planned)
        case "custom":
            # Only its class knows, which is asked elsewhere.
            return None
        case "cron" | "delta" if schedule.intervals:
            found = _next_covered(schedule, last, start_date, catchup, now)
        case "cron" | "delta":
            found = _next_tick(schedule, last, start_date, catchup, now, planned)
    if found is None or (end_date is not None and _bound(schedule, found) > end_date):
        return None
    return found


def coming_intervals(
    schedule: ScheduleSpec,
    *,
    first: Interval | None,
    start_date: datetime | None,
    end_date: datetime | None,
    now: datetime,
) -> Iterator[Interval]:
    """The runs to come, in order; `first` is planned. Those of continuous DAGs are not known beforehand."""
    one = first
    while one is not None:
        yield one
        if schedule.kind in ("continuous", "custom"):
            return
        one = next_interval(
            schedule, last=one, start_date=start_date, end_date=end_date, catchup=True, now=max(now, one.end)
        )


def manual_interval(schedule: ScheduleSpec, at: datetime) -> Interval:
    """The data interval of a run that somebody asks for, with `at` as its logical date."""
    if schedule.kind == "events":
        return _manual_event(schedule, at)
    if schedule.kind not in ("cron", "delta"):
        return Interval(at, at)
    if not schedule.intervals:
        return Interval(_back(at, schedule.interval), at)
    if schedule.delta is not None:
        return Interval(_back(at, schedule.delta), at)
    ticks = ticks_of(schedule, None)
    end = at_or_before(ticks, at)
    start = None if end is None else ticks.before(end)
    return Interval(at, at) if start is None or end is None else Interval(start, end)


def _bound(schedule: ScheduleSpec, found: Interval) -> datetime:
    """What may not be later than the end date."""
    is_tick = schedule.kind in ("cron", "delta") and not schedule.intervals
    return found.end if is_tick or schedule.kind == "continuous" else found.start


def _continuous(last: Interval | None, start_date: datetime | None, now: datetime) -> Interval:
    if last is not None and (start_date is None or last.end >= start_date):
        return Interval(last.end, max(last.end + _SHORTEST, now))
    begin = start_date or now
    return Interval(begin, max(begin, now))


# --- a run for each span between two ticks


def _next_covered(
    schedule: ScheduleSpec, last: Interval | None, start_date: datetime | None, catchup: bool, now: datetime
) -> Interval | None:
    ticks = ticks_of(schedule, _latest(None if last is None else last.end, start_date))
    start = _next_start(ticks, last=last, start_date=start_date, catchup=catchup, now=now)
    end = None if start is None else ticks.after(start)
    return None if start is None or end is None else Interval(start, end)


def _next_start(
    ticks: Ticks, *, last: Interval | None, start_date: datetime | None, catchup: bool, now: datetime
) -> datetime | None:
    earliest = last.end if last is not None else None
    if start_date is not None:
        from_start = at_or_after(ticks, start_date)
        if from_start is None:
            return None
        earliest = _latest(earliest, from_start)
    if catchup and earliest is not None:
        return at_or_after(ticks, earliest)
    # The latest interval that is over at `now` starts one tick before the last tick.
    last_tick = at_or_before(ticks, now)
    latest = None if last_tick is None else ticks.before(last_tick)
    if latest is None or (earliest is not None and earliest > latest):
        return None if earliest is None else at_or_after(ticks, earliest)
    return latest


# --- a run at each tick


def _next_tick(
    schedule: ScheduleSpec,
    last: Interval | None,
    start_date: datetime | None,
    catchup: bool,
    now: datetime,
    planned: Interval | None,
) -> Interval | None:
    begin = start_date
    if last is None and start_date is None and planned is not None:
        begin = planned.end
    if schedule.kind == "delta" and last is None and begin is None:
        begin = now
    ticks = ticks_of(schedule, _latest(None if last is None else last.end, begin))
    earliest = None if begin is None else at_or_after(ticks, begin)
    if last is not None:
        following = ticks.after(last.end)
        earliest = None if following is None else _latest(following, earliest)
    elif begin is None:
        earliest = _first_tick(ticks, schedule.run_immediately, now)
    if earliest is None:
        return None
    if not catchup:
        latest = at_or_before(ticks, now)
        earliest = earliest if latest is None else max(earliest, latest)
    return Interval(_back(earliest, schedule.interval), earliest)


def _first_tick(ticks: Ticks, run_immediately: bool | float | None, now: datetime) -> datetime | None:
    past, coming = at_or_before(ticks, now), ticks.after(now)
    if past is None or coming is None or run_immediately is True:
        return past or coming
    if run_immediately is False:
        return past if past == now else coming
    patience = max((coming - past) / 10, _SOON) if run_immediately is None else timedelta(seconds=run_immediately)
    return past if now - past <= patience else coming


def _back(at: datetime, span: SpanSpec | None) -> datetime:
    return at if span is None else add(at, span, -1)


# --- events


def _next_event(
    schedule: ScheduleSpec,
    last: Interval | None,
    start_date: datetime | None,
    catchup: bool,
    now: datetime,
    planned: Interval | None,
) -> Interval | None:
    events = _events(schedule)
    known_since = start_date
    if not catchup:
        # What lay in the past when it was first seen is past; what has come since then has not been forgotten.
        seen = now if planned is None else min(planned.start, now)
        known_since = _latest(seen, start_date)
    left = [
        one for one in events if (known_since is None or one >= known_since) and (last is None or one > last.end)
    ]
    if not left:
        return None
    over = [one for one in left if one <= now]
    event = over[-1] if over and not catchup else left[0]
    return Interval(event, event)


def _manual_event(schedule: ScheduleSpec, at: datetime) -> Interval:
    events = _events(schedule)
    if not schedule.restrict_to_events or not events:
        return Interval(at, at)
    event = max((one for one in events if one <= at), default=events[0])
    return Interval(event, event)


def _events(schedule: ScheduleSpec) -> list[datetime]:
    return [datetime.fromisoformat(one).astimezone(UTC) for one in schedule.events]


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((value for value in (one, other) if value is not None), default=None)
