"""Dates of earlier releases of Airflow: old files begin their schedules with them."""

from __future__ import annotations

import datetime as dt

import pendulum


def days_ago(n: int, hour: int = 0, minute: int = 0, second: int = 0, microsecond: int = 0) -> pendulum.DateTime:
    """The day `n` days before today in UTC, at that time of day.

    A ``start_date`` of a DAG that moves on every day starts the schedule anew every day: a fixed date is better.
    """
    return (
        pendulum.today("UTC")
        .subtract(days=n)
        .replace(hour=hour, minute=minute, second=second, microsecond=microsecond)
    )


def date_range(
    start_date: dt.datetime,
    end_date: dt.datetime | None = None,
    num: int | None = None,
    delta: dt.timedelta | None = None,
) -> list[dt.datetime]:
    """Moments from `start_date` on, `delta` apart (a day, if left out): up to `end_date`, or `num` of them."""
    step = delta or dt.timedelta(days=1)
    if (end_date is None) == (num is None):
        raise ValueError("date_range: give either end_date or num")
    if num is not None:
        return sorted(start_date + step * (count if num > 0 else -count) for count in range(abs(num)))
    found: list[dt.datetime] = []
    moment = start_date
    while end_date is not None and moment <= end_date:
        found.append(moment)
        moment += step
    return found
