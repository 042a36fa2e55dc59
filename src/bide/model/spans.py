"""Spans of time: fixed ones, and those that go by the calendar (``relativedelta``)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from bide.model.errors import InvalidSchedule
from bide.model.schedule_spec import SpanSpec

if TYPE_CHECKING:
    from dateutil.relativedelta import relativedelta

#: Parts of a ``relativedelta`` that are set rather than added.
_ABSOLUTE: Final = ("year", "month", "day", "hour", "minute", "second", "microsecond")
_MICROSECOND: Final = timedelta(microseconds=1)
#: Days of a month when spans are compared by length.
_MONTH_DAYS: Final = 30


def span_of(value: object) -> SpanSpec:
    """The stored form of a ``timedelta`` or ``relativedelta``; :class:`InvalidSchedule` for anything else."""
    if isinstance(value, timedelta):
        return SpanSpec(microseconds=value // _MICROSECOND)
    if not is_relative(value):
        raise InvalidSchedule(f"{value!r} is no span: use a timedelta or a relativedelta")
    one: Any = value
    absolute = {name: getattr(one, name) for name in _ABSOLUTE if getattr(one, name) is not None}
    small = timedelta(
        days=one.days, hours=one.hours, minutes=one.minutes, seconds=one.seconds, microseconds=one.microseconds
    )
    weekday = None if one.weekday is None else (one.weekday.weekday, one.weekday.n or 1)
    return SpanSpec(
        microseconds=small // _MICROSECOND,
        months=12 * int(one.years) + int(one.months),
        leapdays=one.leapdays,
        absolute=absolute,
        weekday=weekday,
    )


def is_relative(value: object) -> bool:
    """Whether this is a ``relativedelta``, without importing where that comes from."""
    return any(f"{cls.__module__}.{cls.__qualname__}" == _RELATIVE for cls in type(value).__mro__)


_RELATIVE: Final = "dateutil.relativedelta.relativedelta"


def fixed_length(span: SpanSpec) -> timedelta | None:
    """The length of a span that is always as long; None if that depends on the calendar."""
    if span.months or span.leapdays or span.absolute or span.weekday:
        return None
    return timedelta(microseconds=span.microseconds)


def rough_length(span: SpanSpec) -> timedelta:
    """About how long a span is; zero if it only sets parts of a moment."""
    return timedelta(microseconds=span.microseconds, days=span.months * _MONTH_DAYS)


def add(moment: datetime, span: SpanSpec, times: int = 1) -> datetime:
    """`moment` plus `span`; `times` may be -1 for minus. Raises OverflowError or ValueError beyond the calendar."""
    length = fixed_length(span)
    if length is not None:
        return moment + length * times
    relative = as_relativedelta(span)
    return moment + relative if times > 0 else moment - relative


def as_interval(span: SpanSpec) -> timedelta | relativedelta:
    """The ``timedelta`` or ``relativedelta`` that :func:`span_of` was given."""
    length = fixed_length(span)
    return as_relativedelta(span) if length is None else length


def as_relativedelta(span: SpanSpec) -> relativedelta:
    """`span` as something that can be added to a moment by the calendar."""
    from dateutil.relativedelta import relativedelta, weekday

    day = None if span.weekday is None else weekday(*span.weekday)
    absolute: dict[str, Any] = dict(span.absolute)
    return relativedelta(
        months=span.months, microseconds=span.microseconds, leapdays=span.leapdays, weekday=day, **absolute
    )
