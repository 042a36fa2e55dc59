"""When a scheduled DAG runs: a function of its schedule, its last run and the clock.

A run covers a data interval and starts when the interval is over; its logical date is the interval's start, as in
Airflow (https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/dag-run.html#data-interval).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from bide.model.cron import ticks_after, ticks_before
from bide.model.dag_spec import ScheduleSpec
from bide.model.errors import InvalidSchedule

PRESETS: Final[dict[str, str]] = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


_RESOLUTION: Final = timedelta(microseconds=1)


class Interval(NamedTuple):
    """A data interval, in UTC."""

    start: datetime
    end: datetime

    @property
    def run_after(self) -> datetime:
        """The moment from which its run may start."""
        return self.end


def parse_schedule(text: str | None, timezone: str = "UTC") -> ScheduleSpec:
    """Read None, a preset or five cron fields. Raises :class:`InvalidSchedule` with the text and the reason."""
    if text is None or text in ("@none", "None"):
        return ScheduleSpec(text="" if text is None else text)
    if text == "@once":
        return ScheduleSpec(kind="once", text=text)
    expression = PRESETS.get(text, text)
    if expression.startswith("@"):
        raise InvalidSchedule(
            f"{text!r} is no schedule: the presets are {', '.join(['@once', *PRESETS])}; otherwise five cron fields"
        )
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InvalidSchedule(f"unknown time zone {timezone!r} for schedule {text!r}") from error
    if len(expression.split()) != 5:
        raise InvalidSchedule(
            f"{text!r} is no schedule: a cron expression has five fields (minute hour day month weekday)"
        )
    try:
        cron = CronSim(expression, datetime(2024, 1, 1, tzinfo=zone))
    except CronSimError as error:
        raise InvalidSchedule(f"{text!r} is no cron expression: {error} (minute hour day month weekday)") from error
    if next(cron, None) is None:
        raise InvalidSchedule(f"{text!r} never comes due")
    return ScheduleSpec(kind="cron", expression=expression, timezone=timezone, text=text)


def _ticks_after(schedule: ScheduleSpec, moment: datetime) -> Iterator[datetime]:
    return ticks_after(schedule.expression, ZoneInfo(schedule.timezone), moment)


def _first_tick(schedule: ScheduleSpec, earliest: datetime) -> datetime | None:
    """The first tick at or after `earliest`."""
    return next(_ticks_after(schedule, earliest - _RESOLUTION), None)


def _last_tick(schedule: ScheduleSpec, latest: datetime) -> datetime | None:
    """The last tick at or before `latest`."""
    before = ticks_before(schedule.expression, ZoneInfo(schedule.timezone), latest + _RESOLUTION)
    return next(before, None)


def next_interval(
    schedule: ScheduleSpec,
    *,
    last: Interval | None,
    start_date: datetime | None,
    end_date: datetime | None,
    catchup: bool,
    now: datetime,
) -> Interval | None:
    """The interval of the next run, or None if there is none to come.

    `last` is the interval of the last scheduled run. With `catchup` the next follows it (or starts at
    `start_date`); without, intervals that are over at `now` are passed over but for the latest.
    """
    if schedule.kind == "none":
        return None
    if schedule.kind == "once":
        if last is not None:
            return None
        at = start_date or now
        return None if end_date is not None and at > end_date else Interval(at, at)
    start = _next_start(schedule, last=last, start_date=start_date, catchup=catchup, now=now)
    if start is None or (end_date is not None and start > end_date):
        return None
    end = next(_ticks_after(schedule, start), None)
    return None if end is None else Interval(start, end)


def _next_start(
    schedule: ScheduleSpec,
    *,
    last: Interval | None,
    start_date: datetime | None,
    catchup: bool,
    now: datetime,
) -> datetime | None:
    earliest = last.end if last is not None else None
    if start_date is not None:
        from_start = _first_tick(schedule, start_date)
        if from_start is None:
            return None
        earliest = from_start if earliest is None else max(earliest, from_start)
    if catchup and earliest is not None:
        return _first_tick(schedule, earliest)
    # The latest interval that is over at `now` starts one tick before the last tick.
    last_tick = _last_tick(schedule, now)
    latest = None if last_tick is None else _last_tick(schedule, last_tick - _RESOLUTION)
    if latest is None:
        return None if earliest is None else _first_tick(schedule, earliest)
    if earliest is not None and earliest > latest:
        return _first_tick(schedule, earliest)
    return latest
