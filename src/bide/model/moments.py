"""Sums of moments and spans that stop at the end of the calendar.

A span that a DAG file gives may be as long as `timedelta.max`, which people use for "never". Adding it to a moment
would raise OverflowError in the middle of a decision on many tasks.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

#: The last moment that counts; what is due then never comes.
LATEST: Final = datetime(9999, 12, 31, tzinfo=UTC)
#: Longer than from any moment to :data:`LATEST` (seconds).
FOREVER: Final = 10_000 * 366 * 86_400.0


def later(moment: datetime, seconds: float) -> datetime:
    """`moment` plus `seconds`, at most :data:`LATEST`."""
    if seconds >= (LATEST - moment).total_seconds():
        return LATEST
    return moment + timedelta(seconds=seconds)


def from_unix(seconds: float) -> datetime:
    """The moment `seconds` after 1970 in UTC, at most :data:`LATEST`; anything earlier is 1970."""
    return later(datetime.fromtimestamp(0, UTC), max(seconds, 0.0))
