"""Days of the week, as authors name them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Any, Final, cast

from bide.authoring.hints import did_you_mean
from bide.model.errors import InvalidArgument


class WeekDay(IntEnum):
    """The days, numbered as by ISO: Monday is 1."""

    MONDAY = 1
    TUESDAY = 2
    WEDNESDAY = 3
    THURSDAY = 4
    FRIDAY = 5
    SATURDAY = 6
    SUNDAY = 7


WEEKEND: Final = frozenset({WeekDay.SATURDAY, WeekDay.SUNDAY})
WORKING_DAYS: Final = frozenset(WeekDay) - WEEKEND


def weekdays(value: str | WeekDay | Iterable[str | WeekDay], of: str) -> frozenset[WeekDay]:
    """The days that `value` names: ``"Monday"``, a :class:`WeekDay`, or several of them."""
    values: Iterable[Any] = [value] if isinstance(value, str | WeekDay) else value
    if not isinstance(values, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidArgument(f"{of}: week_day must be the name of a day, a WeekDay or several, not {value!r}")
    return frozenset(_weekday(one, of) for one in cast("Iterable[Any]", values))


def _weekday(value: Any, of: str) -> WeekDay:
    if isinstance(value, WeekDay):
        return value
    name = str(value).strip().upper()
    if name not in WeekDay.__members__:
        hint = did_you_mean(name, WeekDay.__members__)
        raise InvalidArgument(f"{of}: week_day {value!r} is no day of the week{hint}")
    return WeekDay[name]
