"""Bide's own timetables, by Airflow's names. The engine knows them; it asks nobody when they come due."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from bide.authoring.moments import as_moment, now, zone_name
from bide.authoring.timetable import DagRunInfo, DataInterval, TimeRestriction, Timetable
from bide.model.errors import InvalidSchedule
from bide.model.schedule_spec import ScheduleSpec, SpanSpec
from bide.model.schedule_text import cron_expression
from bide.model.spans import span_of
from bide.model.timetables import Interval, manual_interval, next_interval


class BuiltInTimetable(Timetable):
    """A schedule that the engine knows by itself."""

    def __init__(self, spec: ScheduleSpec) -> None:
        self.spec = spec
        self.description = spec.description

    @property
    def summary(self) -> str:
        """What the author wrote."""
        return self.spec.text

    def infer_manual_data_interval(self, *, run_after: dt.datetime) -> DataInterval:
        """The data interval of a run that somebody asks for at `run_after`."""
        return DataInterval(*manual_interval(self.spec, run_after))

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """The run that comes next."""
        last = last_automated_data_interval
        found = next_interval(
            self.spec,
            last=None if last is None else Interval(last.start, last.end),
            start_date=restriction.earliest,
            end_date=restriction.latest,
            catchup=restriction.catchup,
            now=now(),
        )
        return None if found is None else DagRunInfo(found.run_after, DataInterval(*found))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BuiltInTimetable) and type(self) is type(other) and self.spec == other.spec

    def __hash__(self) -> int:
        return hash((type(self), self.spec.text))


class NullTimetable(BuiltInTimetable):
    """Runs only when asked."""

    periodic = False

    def __init__(self) -> None:
        super().__init__(ScheduleSpec(description="Never, external triggers only"))


class OnceTimetable(BuiltInTimetable):
    """One run ever."""

    periodic = False
    can_be_scheduled = True  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__(ScheduleSpec(kind="once", text="@once", description="Once, as soon as possible"))


class ContinuousTimetable(BuiltInTimetable):
    """A run whenever the last one has ended."""

    active_runs_limit = 1

    def __init__(self) -> None:
        description = "As frequently as possible, but only one run at a time."
        super().__init__(ScheduleSpec(kind="continuous", text="@continuous", description=description))


class CronDataIntervalTimetable(BuiltInTimetable):
    """A run for each span between two ticks of a cron expression, when it is over."""

    def __init__(self, cron: str, timezone: str | dt.tzinfo) -> None:
        super().__init__(_cron_spec((cron,), timezone))


class CronTriggerTimetable(BuiltInTimetable):
    """A run at each tick of a cron expression.

    Its data interval is `interval` long and ends there. `run_immediately` says what the first run is of a DAG
    without ``start_date``: False waits for the next tick, True takes the last one, a timedelta takes that if it was
    no longer ago, and None if it was less than a tenth of the pause, or 5 minutes, ago.
    """

    def __init__(
        self,
        cron: str,
        *,
        timezone: str | dt.tzinfo,
        interval: Any = dt.timedelta(),
        run_immediately: bool | dt.timedelta | None = False,
    ) -> None:
        super().__init__(_cron_spec((cron,), timezone, (interval, run_immediately)))


class MultipleCronTriggerTimetable(BuiltInTimetable):
    """A run whenever one of several cron expressions is due; one only where several are at once."""

    def __init__(
        self,
        *crons: str,
        timezone: str | dt.tzinfo,
        interval: Any = dt.timedelta(),
        run_immediately: bool | dt.timedelta | None = False,
    ) -> None:
        if not crons:
            raise InvalidSchedule("MultipleCronTriggerTimetable needs a cron expression")
        super().__init__(_cron_spec(crons, timezone, (interval, run_immediately)))


class DeltaDataIntervalTimetable(BuiltInTimetable):
    """A run for each span of a length (timedelta or relativedelta), when it is over; from the start date on."""

    def __init__(self, delta: Any) -> None:
        super().__init__(ScheduleSpec(kind="delta", delta=_positive(delta), text=str(delta)))


class DeltaTriggerTimetable(BuiltInTimetable):
    """A run every so often, beginning at the start date; its data interval is `interval` long and ends there."""

    def __init__(self, delta: Any, *, interval: Any = dt.timedelta()) -> None:
        super().__init__(
            ScheduleSpec(
                kind="delta", delta=_positive(delta), text=str(delta), intervals=False, interval=_back(interval)
            )
        )


class EventsTimetable(BuiltInTimetable):
    """A run at each of the moments `event_dates`.

    With `restrict_to_events` runs that somebody asks for are about the last event (before the first one, about
    that). `presorted` promises that the moments are in order.
    """

    def __init__(
        self,
        event_dates: Iterable[dt.datetime],
        restrict_to_events: bool = False,
        presorted: bool = False,
        description: str | None = None,
    ) -> None:
        found = [as_moment(one, name="event_dates", of="EventsTimetable") for one in event_dates]
        events = [one.astimezone(dt.UTC) for one in found if one is not None]
        if not presorted:
            events.sort()
        self.event_dates = events
        self.restrict_to_events = restrict_to_events
        if description is None:
            span = f" between {events[0]} and {events[-1]}" if events else ""
            description = f"{len(events)} events{span}" if events else "No events"
        super().__init__(
            ScheduleSpec(
                kind="events",
                events=tuple(one.isoformat() for one in events),
                restrict_to_events=restrict_to_events,
                text=f"{len(events)} events",
                description=description,
            )
        )


def cron_zone(zone: str | dt.tzinfo) -> str:
    """The name of `zone` in the IANA database, which has one for each fixed offset of whole hours."""
    name = zone if isinstance(zone, str) else zone_name(zone)
    if name and name[0] in "+-" and name.endswith(":00"):
        hours = int(name[:3])
        return f"Etc/GMT{-hours:+d}" if hours else "UTC"
    return name


def _cron_spec(
    crons: tuple[str, ...], timezone: str | dt.tzinfo, trigger: tuple[Any, bool | dt.timedelta | None] | None = None
) -> ScheduleSpec:
    zone = cron_zone(timezone)
    expressions = tuple(dict.fromkeys(cron_expression(cron, zone) for cron in crons))
    text = ", ".join(expressions)
    if trigger is None:
        return ScheduleSpec(kind="cron", expressions=expressions, timezone=zone, text=text)
    interval, immediately = trigger
    return ScheduleSpec(
        kind="cron",
        expressions=expressions,
        timezone=zone,
        text=text,
        intervals=False,
        interval=_back(interval),
        run_immediately=immediately.total_seconds() if isinstance(immediately, dt.timedelta) else immediately,
    )


def _back(interval: Any) -> SpanSpec | None:
    span = span_of(interval)
    return None if span == SpanSpec() else span


def _positive(delta: Any) -> SpanSpec:
    """The stored form of a delta that leads on, and not back."""
    span = span_of(delta)
    begin = dt.datetime(2024, 1, 31, 12, 30, tzinfo=dt.UTC)
    try:
        leads_on = begin + delta > begin
    except (OverflowError, ValueError) as error:
        raise InvalidSchedule(f"{delta!r} is no span between runs: {error}") from error
    if not leads_on:
        raise InvalidSchedule(f"{delta!r} is no span between runs: it must be positive")
    return span
