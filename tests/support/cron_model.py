"""Cron, minute by minute: slow and plain, to compare the timetables with.

The rules are those of Airflow's timetables: a job that is due in every hour runs at each minute that really passes
and matches; any other keeps its time on the wall clock. It runs once where that comes twice, the second time, and
where it does not come, when it would have come if the clock had not been changed. A day counts that matches its
field or that of the weekday, unless one of them allows all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Window:
    """A span of time in a zone, in which every minute is looked at."""

    zone: str
    start: datetime
    days: int = 14

    @property
    def end(self) -> datetime:
        return self.start + timedelta(days=self.days)


@dataclass(frozen=True)
class Cron:
    """Five fields as people write them, from the few forms that :func:`_values` reads."""

    minute: str
    hour: str
    day: str
    month: str
    weekday: str

    def __str__(self) -> str:
        return f"{self.minute} {self.hour} {self.day} {self.month} {self.weekday}"

    @property
    def is_fixed(self) -> bool:
        return len(_values(self.hour, 0, 23)) < 24

    def matcher(self) -> Callable[[datetime], bool]:
        """Whether a time on the wall clock matches."""
        minutes, hours = _values(self.minute, 0, 59), _values(self.hour, 0, 23)
        days, months = _values(self.day, 1, 31), _values(self.month, 1, 12)
        weekdays = {one % 7 for one in _values(self.weekday, 0, 7)}
        both = len(days) == 31 or len(weekdays) == 7

        def matches(wall: datetime) -> bool:
            if wall.minute not in minutes or wall.hour not in hours or wall.month not in months:
                return False
            by_day, by_weekday = wall.day in days, wall.isoweekday() % 7 in weekdays
            return (by_day and by_weekday) if both else (by_day or by_weekday)

        return matches


def _values(field: str, low: int, high: int) -> set[int]:
    base, _, step = field.partition("/")
    if base == "*":
        return set(range(low, high + 1, int(step or 1)))
    found: set[int] = set()
    for part in base.split(","):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


@lru_cache
def _real_minutes(window: Window) -> list[tuple[datetime, datetime]]:
    """Every minute of the window: (UTC, wall clock without zone)."""
    zone = ZoneInfo(window.zone)
    minutes = (window.start + MINUTE * number for number in range(window.days * 1440))
    return [(moment, moment.astimezone(zone).replace(tzinfo=None)) for moment in minutes]


@lru_cache
def _wall_minutes(window: Window) -> list[tuple[datetime, datetime]]:
    """Every minute that an unchanged wall clock would show, and when it really is or would have been (UTC)."""
    shown = {wall: moment for moment, wall in _real_minutes(window)}  # of those that come twice, the second
    wall, last = min(shown), max(shown)
    found: list[tuple[datetime, datetime]] = []
    before = shown[wall]
    while wall <= last:
        before = shown.get(wall, before + MINUTE)
        found.append((before, wall))
        wall += MINUTE
    return found


def ticks(cron: Cron, window: Window) -> list[datetime]:
    """Every moment in `window` at which `cron` is due, in UTC."""
    matches = cron.matcher()
    minutes = _wall_minutes(window) if cron.is_fixed else _real_minutes(window)
    return sorted({moment for moment, wall in minutes if matches(wall)})


def intervals(found: list[datetime]) -> Iterator[tuple[datetime, datetime]]:
    """Pairs of neighbours."""
    return pairwise(found)
