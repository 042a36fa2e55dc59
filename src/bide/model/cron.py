"""Moments at which a cron expression of five fields is due in a time zone, forwards and backwards.

Changes of the clock are handled as by Debian's cron(8): a job whose minute and hour are both fixed keeps its time
on the wall clock; it runs once where that time comes twice, and right after the gap where it does not come at
all. Any other job runs at every minute that really passes and matches.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from cronsim import CronSim

_TICK: Final = timedelta(microseconds=1)
_SECOND: Final = timedelta(seconds=1)
#: No clock is changed by more.
_LARGEST_CHANGE: Final = timedelta(days=1)


def ticks_after(expression: str, zone: tzinfo, moment: datetime) -> Iterator[datetime]:
    """Every tick later than `moment`, in UTC and in order."""
    if not _is_fixed(expression):
        yield from _real_ticks(expression, zone, moment, reverse=False)
        return
    for tick in CronSim(expression, moment.astimezone(zone)):
        # Of a time that comes twice only the first is a tick, and it may lie before `moment`.
        if tick.astimezone(UTC) > moment:
            yield tick.astimezone(UTC)


def ticks_before(expression: str, zone: tzinfo, moment: datetime) -> Iterator[datetime]:
    """Every tick earlier than `moment`, in UTC, the latest first."""
    if not _is_fixed(expression):
        yield from _real_ticks(expression, zone, moment, reverse=True)
        return
    for tick in CronSim(expression, (moment + _LARGEST_CHANGE).astimezone(zone), reverse=True):
        if tick.astimezone(UTC) < moment:
            yield tick.astimezone(UTC)


def _is_fixed(expression: str) -> bool:
    minute, hour, *_ = expression.split()
    return not minute.startswith("*") and not hour.startswith("*")


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
