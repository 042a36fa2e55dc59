"""Moments and spans as DAG authors write them.

Everything here works with the standard library's types; only :func:`pendulum_moment` imports pendulum, which
takes a third of the time that ``import bide`` may take.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import time
from typing import TYPE_CHECKING, Any, Final, cast

from bide.authoring.runtime import NoRuntime, current_runtime
from bide.authoring.settings import find_setting
from bide.model.errors import InvalidArgument

if TYPE_CHECKING:
    import pendulum

#: How a timedelta prints: days, hours, minutes, seconds.
_SPAN: Final = re.compile(r"(?:(-?\d+) days?, )?(\d+):(\d\d):(\d\d(?:\.\d+)?)")


def now() -> dt.datetime:
    """The current moment in UTC: of the surrounding runtime, or of the machine where there is none."""
    try:
        return current_runtime().now()
    except NoRuntime:
        return dt.datetime.now(dt.UTC)


def monotonic() -> float:
    """Seconds that never go back, for measuring spans: of the surrounding runtime, or of the machine."""
    try:
        return current_runtime().monotonic()
    except NoRuntime:
        return time.monotonic()


def sleep(seconds: float) -> None:
    """Let so much time go by in this thread, as the surrounding runtime tells time; in a test it may be skipped."""
    try:
        runtime = current_runtime()
    except NoRuntime:
        time.sleep(seconds)
    else:
        runtime.sleep(seconds)


def default_zone() -> dt.tzinfo:
    """The zone of moments that are given without one: ``[core] default_timezone``, UTC if that is not set."""
    name = find_setting("core", "default_timezone") or "UTC"
    if name.upper() == "UTC":
        return dt.UTC
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


def aware(value: dt.datetime) -> dt.datetime:
    """`value`, taken to be in the default zone if it has none."""
    return value if value.tzinfo is not None else value.replace(tzinfo=default_zone())


def as_moment(value: object, *, name: str, of: str) -> dt.datetime | None:
    """A moment from what authors give as `start_date` and the like: a datetime, a date, ISO 8601 text or None."""
    if value is None:
        return None
    if isinstance(value, dt.datetime):
        return aware(value)
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day, tzinfo=default_zone())
    if isinstance(value, str):
        try:
            return aware(dt.datetime.fromisoformat(value))
        except ValueError:
            raise InvalidArgument(
                f"{of}: {name}={value!r} is no moment; write it like 2026-01-31T00:00:00"
            ) from None
    raise InvalidArgument(f"{of}: {name} must be a datetime, not {type(value).__name__}: {value!r}")


def as_seconds(value: object, *, name: str, of: str) -> float | None:
    """Seconds from a timedelta or a number; None stays None. Negative spans are refused."""
    if value is None:
        return None
    if isinstance(value, dt.timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    else:
        raise InvalidArgument(
            f"{of}: {name} must be a timedelta or a number of seconds, not {type(value).__name__}: {value!r}"
        )
    if not 0 <= seconds < float("inf"):
        raise InvalidArgument(f"{of}: {name} must be a span of zero or more seconds, not {value!r}")
    return seconds


def as_span(value: object, *, name: str, of: str, unit: dt.timedelta | None = None) -> dt.timedelta:
    """A span from a timedelta or what it prints as (``2 days, 1:30:00``); with `unit` also a number of those."""
    if isinstance(value, dt.timedelta):
        return value
    found = _SPAN.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is not None:
        days, hours, minutes, seconds = (float(one or 0) for one in found.groups())
        return dt.timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if unit is not None and isinstance(value, int | float | str) and not isinstance(value, bool):
        with contextlib.suppress(ValueError, OverflowError):
            return unit * float(value)
    number = "" if unit is None else f" or a number (of {unit.total_seconds():g} s each)"
    raise InvalidArgument(f"{of}: {name} must be a timedelta{number}, or a text such as '1:30:00', not {value!r}")


def zone_name(value: dt.tzinfo | None) -> str:
    """The name by which :class:`zoneinfo.ZoneInfo` finds this zone; ``UTC`` for none, ``+01:00`` for an offset."""
    for attribute in ("key", "name", "zone"):  # zoneinfo, pendulum, pytz
        name = getattr(value, attribute, None)
        if isinstance(name, str) and name:
            return name
    if value is None or value is dt.UTC:
        return "UTC"
    offset = value.utcoffset(None)
    if not offset:
        return "UTC"
    return dt.datetime(2000, 1, 1, tzinfo=dt.timezone(offset)).isoformat()[-6:]


def pendulum_moment(value: dt.datetime | None) -> pendulum.DateTime | None:
    """The same moment as a pendulum ``DateTime``, which is what templates and contexts hold."""
    if value is None:
        return None
    import pendulum

    return cast("pendulum.DateTime", cast("Any", pendulum).instance(aware(value)))
