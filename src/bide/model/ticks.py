"""The moments that schedules name: by cron expressions, or every so often from a first one on."""

from __future__ import annotations

import heapq
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from bide.model.cron import ticks_after, ticks_before, zone_of
from bide.model.schedule_spec import ScheduleSpec, SpanSpec
from bide.model.spans import as_interval, fixed_length, rough_length

_RESOLUTION: Final = timedelta(microseconds=1)
#: What is repeated every so often, with nothing to begin from, is counted from here.
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: Steps by the calendar that are taken one by one; of more than that only the last ones are.
_MOST_STEPS: Final = 20_000
_LAST_STEPS: Final = 50


class Ticks(Protocol):
    """Moments in order. None where there is none any more."""

    def after(self, moment: datetime) -> datetime | None:
        """The first tick later than `moment`."""
        ...

    def before(self, moment: datetime) -> datetime | None:
        """The last tick earlier than `moment`."""
        ...


def at_or_after(ticks: Ticks, moment: datetime) -> datetime | None:
    """The first tick that is not before `moment`."""
    return ticks.after(moment - _RESOLUTION)


def at_or_before(ticks: Ticks, moment: datetime) -> datetime | None:
    """The last tick that is not after `moment`."""
    return ticks.before(moment + _RESOLUTION)


def ticks_of(schedule: ScheduleSpec, anchor: datetime | None) -> Ticks:
    """The ticks of a schedule of kind cron or delta; `anchor` is one of those of a delta."""
    if schedule.delta is not None:
        return DeltaTicks(schedule.delta, anchor)
    return CronTicks(schedule.expressions, schedule.timezone)


class CronTicks:
    """Whenever one of several expressions is due in a time zone."""

    def __init__(self, expressions: tuple[str, ...], timezone: str) -> None:
        self._expressions = expressions
        self._zone = zone_of(timezone)

    def after(self, moment: datetime) -> datetime | None:
        """The first tick later than `moment`."""
        return next(heapq.merge(*(ticks_after(one, self._zone, moment) for one in self._expressions)), None)

    def before(self, moment: datetime) -> datetime | None:
        """The last tick earlier than `moment`."""
        found = [next(ticks_before(one, self._zone, moment), None) for one in self._expressions]
        return max((one for one in found if one is not None), default=None)


class DeltaTicks:
    """Every so often from `anchor` on; from 1970 on if there is none."""

    def __init__(self, span: SpanSpec, anchor: datetime | None) -> None:
        self._anchor = EPOCH if anchor is None else anchor.astimezone(UTC)
        self._length = fixed_length(span)
        self._step = as_interval(span)
        self._rough = rough_length(span)

    def after(self, moment: datetime) -> datetime | None:
        """The first tick later than `moment`; the anchor if that is it."""
        try:
            return self._around(moment)[1]
        except (OverflowError, ValueError):
            return None

    def before(self, moment: datetime) -> datetime | None:
        """The last tick earlier than `moment`; None before the anchor."""
        try:
            return self._around(moment - _RESOLUTION)[0]
        except (OverflowError, ValueError):
            return None

    def _around(self, moment: datetime) -> tuple[datetime | None, datetime | None]:
        """The last tick at or before `moment`, and the first after it."""
        if moment < self._anchor:
            return None, self._anchor
        if self._length is not None:
            last = self._anchor + (moment - self._anchor) // self._length * self._length
            return last, last + self._length
        last = self._begin(moment)
        while (following := last + self._step) <= moment:
            if following <= last:
                return last, None
            last = following
        return last, following if following > last else None

    def _begin(self, moment: datetime) -> datetime:
        """A tick from which it is not too far to `moment`."""
        rough = max(self._rough, timedelta(days=1) if not self._rough else _RESOLUTION)
        if (moment - self._anchor) // rough <= _MOST_STEPS:
            return self._anchor
        # So many steps by the calendar: it is its parts that are set, not where it began, that say where they are.
        return moment - rough * _LAST_STEPS + self._step
