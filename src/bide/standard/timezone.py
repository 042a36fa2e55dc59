"""Moments with time zones, under the names that Airflow's ``airflow.utils.timezone`` gives them."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final, overload
from zoneinfo import ZoneInfo

from bide.authoring.moments import aware, now
from bide.model.errors import InvalidArgument

utc: Final = dt.UTC
utc_epoch: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def utcnow() -> dt.datetime:
    """The current moment in UTC."""
    return now()


def days_ago(n: int, hour: int = 0, minute: int = 0, second: int = 0, microsecond: int = 0) -> dt.datetime:
    """That time of the day `n` days before today, in UTC. It moves with the days: a fixed start date is better."""
    today = utcnow().astimezone(dt.UTC)
    return today.replace(hour=hour, minute=minute, second=second, microsecond=microsecond) - dt.timedelta(days=n)


def datetime(*args: Any, tzinfo: dt.tzinfo = dt.UTC, **kwargs: Any) -> dt.datetime:
    """:class:`datetime.datetime`, in UTC unless told otherwise."""
    return dt.datetime(*args, tzinfo=tzinfo, **kwargs)


def is_localized(value: dt.datetime) -> bool:
    """Whether `value` has a time zone."""
    return value.utcoffset() is not None


def is_naive(value: dt.datetime) -> bool:
    """Whether `value` has no time zone."""
    return value.utcoffset() is None


@overload
def make_aware(value: None, timezone: dt.tzinfo | None = None) -> None: ...
@overload
def make_aware(value: dt.datetime, timezone: dt.tzinfo | None = None) -> dt.datetime: ...
def make_aware(value: dt.datetime | None, timezone: dt.tzinfo | None = None) -> dt.datetime | None:
    """`value` as of `timezone` (UTC if None). One that has a zone already is refused; None stays None."""
    if value is None:
        return None
    if is_localized(value):
        raise InvalidArgument(f"make_aware: {value.isoformat()} has a time zone already")
    return value.replace(tzinfo=timezone or dt.UTC)


@overload
def convert_to_utc(value: None) -> None: ...
@overload
def convert_to_utc(value: dt.datetime) -> dt.datetime: ...
def convert_to_utc(value: dt.datetime | None) -> dt.datetime | None:
    """The same moment in UTC; one without a zone is taken as UTC; None stays None."""
    return None if value is None else aware(value).astimezone(dt.UTC)


@overload
def coerce_datetime(value: None, tz: dt.tzinfo | None = None) -> None: ...
@overload
def coerce_datetime(value: dt.datetime, tz: dt.tzinfo | None = None) -> dt.datetime: ...
def coerce_datetime(value: dt.datetime | None, tz: dt.tzinfo | None = None) -> dt.datetime | None:
    """`value` with a time zone: its own, else UTC; in `tz` if that is given. None stays None."""
    if value is None:
        return None
    return aware(value) if tz is None else aware(value).astimezone(tz)


def make_naive(value: dt.datetime, timezone: dt.tzinfo | None = None) -> dt.datetime:
    """The time of day of `value` in `timezone` (UTC if None), without a zone. One without a zone is refused."""
    if is_naive(value):
        raise InvalidArgument(f"make_naive: {value.isoformat()} has no time zone")
    return value.astimezone(timezone or dt.UTC).replace(tzinfo=None)


def parse_timezone(name: str | int) -> dt.tzinfo:
    """The zone of that name, or that many seconds east of UTC, as pendulum has it."""
    import pendulum  # most who ask for the time need no more than Python's own

    return pendulum.timezone(name)


def local_timezone() -> dt.tzinfo:
    """The zone of this machine, as pendulum has it."""
    import pendulum

    return pendulum.local_timezone()


def from_timestamp(timestamp: float, tz: dt.tzinfo | str = dt.UTC) -> dt.datetime:
    """The moment so many seconds after 1970, in `tz`: a zone, its name or ``local``; a pendulum ``DateTime``."""
    import pendulum

    zone = pendulum.local_timezone() if tz == "local" else pendulum.timezone(tz) if isinstance(tz, str) else tz
    return pendulum.instance(dt.datetime.fromtimestamp(timestamp, dt.UTC)).astimezone(zone)


def parse(string: str, timezone: dt.tzinfo | str | None = None) -> dt.datetime:
    """The moment that ISO 8601 text names; without a zone it is of `timezone`, else of UTC."""
    try:
        found = dt.datetime.fromisoformat(string)
    except ValueError:
        raise InvalidArgument(f"{string!r} is no moment; write it like 2026-01-31T00:00:00") from None
    zone = ZoneInfo(timezone) if isinstance(timezone, str) else timezone
    return found if is_localized(found) else found.replace(tzinfo=zone or dt.UTC)
