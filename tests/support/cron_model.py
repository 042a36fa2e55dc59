"""Cron, minute by minute: slow and plain, to compare the timetables with.

The rules are those of Debian's cron(8): a job whose minute and hour are both fixed runs at its time on the wall
clock, once, and right after the gap if that time does not exist on the day; any other job runs at every minute
that really passes and matches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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
        return not self.minute.startswith("*") and not self.hour.startswith("*")

    def matcher(self) -> Callable[[datetime], bool]:
        """Whether a time on the wall clock matches."""
        minutes, hours = _values(self.minute, 0, 59), _values(self.hour, 0, 23)
        days, months = _values(self.day, 1, 31), _values(self.month, 1, 12)
        weekdays = {one % 7 for one in _values(self.weekday, 0, 7)}
        both = self.day.startswith("*") or self.weekday.startswith("*")

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
    """Every minute that the wall clock of an even zone would show, and when it really is or comes over (UTC)."""
    zone = ZoneInfo(window.zone)
    first, last = (moment.astimezone(zone).replace(tzinfo=None) for moment in (window.start, window.end))
    found: list[tuple[datetime, datetime]] = []
    wall = last
    after = window.end
    while wall >= first:
        moment = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None) == wall:
            after = moment
        found.append((after, wall))
        wall -= MINUTE
    return found[::-1]


def ticks(cron: Cron, window: Window) -> list[datetime]:
    """Every moment in `window` at which `cron` is due, in UTC."""
    matches = cron.matcher()
    minutes = _wall_minutes(window) if cron.is_fixed else _real_minutes(window)
    return sorted({moment for moment, wall in minutes if matches(wall)})


def intervals(found: list[datetime]) -> Iterator[tuple[datetime, datetime]]:
    """Pairs of neighbours."""
    return pairwise(found)
