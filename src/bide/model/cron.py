"""Moments at which a cron expression is due in a time zone, forwards and backwards.

Changes of the clock are handled as by Airflow. What is due in every hour follows hours that really pass: at every
moment whose time on the wall clock matches. Anything else keeps its time on the wall clock: it is due once where
that time comes twice, the second time, and as much later as the clock jumps where that time does not come at all.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim

from bide.model.cron_text import read_cron
from bide.model.errors import InvalidSchedule

_TICK: Final = timedelta(microseconds=1)
_SECOND: Final = timedelta(seconds=1)
#: No clock is changed by more.
_LARGEST_CHANGE: Final = timedelta(days=1)
#: The first span that is searched backwards; each further one is twice as long.
_FIRST_SPAN: Final = timedelta(hours=1)
#: The longest pause of an expression that is ever due: from one leap day on a certain weekday to the next one.
_LONGEST_PAUSE: Final = timedelta(days=41 * 366)


def zone_of(name: str) -> tzinfo:
    """The time zone of this IANA name. Raises :class:`InvalidSchedule` for none."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InvalidSchedule(f"unknown time zone {name!r}") from error


def ticks_after(expression: str, zone: tzinfo, moment: datetime) -> Iterator[datetime]:
    """Every tick later than `moment`, in UTC and in order."""
    cron = read_cron(expression)
    if cron.every_hour:
        return _real_ticks(cron.expression, zone, moment, reverse=False)
    return _wall_ticks(cron.expression, zone, moment)


def ticks_before(expression: str, zone: tzinfo, moment: datetime) -> Iterator[datetime]:
    """Every tick earlier than `moment`, in UTC, the latest first."""
    cron = read_cron(expression)
    if cron.every_hour:
        return _real_ticks(cron.expression, zone, moment, reverse=True)
    return _wall_ticks_before(cron.expression, zone, moment)


def _wall_ticks(expression: str, zone: tzinfo, moment: datetime) -> Iterator[datetime]:
    """Ticks of times on the wall, each once, in the order in which they come."""
    waiting: list[datetime] = []
    last = moment
    for wall in CronSim(expression, _wall_before(zone, moment)):
        floor, tick = _moments_of(wall, zone)
        if tick > last:
            heapq.heappush(waiting, tick)
        # Times that a change skips are shifted over those after it: they wait for their place.
        while waiting and waiting[0] <= floor:
            tick = heapq.heappop(waiting)
            if tick > last:
                last = tick
                yield tick


def _moments_of(wall: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """A bound below all ticks of later times, and the tick of this time."""
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return min(first, second), max(first, second)


def _wall_before(zone: tzinfo, moment: datetime) -> datetime:
    """A time on the wall, without zone, such that no later moment has an earlier one, or that one itself."""
    here = moment.astimezone(zone)
    near = (moment - _LARGEST_CHANGE, moment + _LARGEST_CHANGE)
    wall = here.replace(tzinfo=None)
    if all(one.astimezone(zone).utcoffset() == here.utcoffset() for one in near):
        return wall
    return wall - _LARGEST_CHANGE


def _wall_ticks_before(expression: str, zone: tzinfo, moment: datetime) -> Iterator[datetime]:
    span, end = _FIRST_SPAN, moment
    while span <= 2 * _LONGEST_PAUSE:
        found: list[datetime] = []
        for tick in _wall_ticks(expression, zone, end - span - _TICK):
            if tick >= end:
                break
            found.append(tick)
        yield from reversed(found)
        end, span = end - span, span * 2


def _real_ticks(expression: str, zone: tzinfo, moment: datetime, *, reverse: bool) -> Iterator[datetime]:
    """Ticks by the wall clock, from one change of the clock to the next: in between it runs evenly."""
    here, offset = moment.astimezone(UTC), _offset(zone, moment)
    while True:
        tick = here
        for wall in CronSim(expression, (here + offset).replace(tzinfo=None), reverse=reverse):
            tick = wall.replace(tzinfo=UTC) - offset
            if _offset(zone, tick) != offset:
                break
            yield tick
            here = tick
        else:
            return
        here = _beyond_change(zone, here, tick)
        offset = _offset(zone, here)
        # The first second beyond the change may be a tick itself.
        here += _TICK if reverse else -_TICK


def _offset(zone: tzinfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def _beyond_change(zone: tzinfo, near: datetime, far: datetime) -> datetime:
    """Between two moments of different offsets, the second beyond the change that is nearest to `near`."""
    offset = _offset(zone, near)
    near = near.replace(microsecond=0) if near < far else near
    while abs(far - near) > _SECOND:
        middle = near + timedelta(seconds=(far - near) // _SECOND // 2)
        if _offset(zone, middle) == offset:
            near = middle
        else:
            far = middle
    return far
