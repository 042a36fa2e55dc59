import datetime as dt

import pytest

from bide.model.errors import InvalidArgument
from bide.standard import timezone

PLUS2 = dt.timezone(dt.timedelta(hours=2))


def test_now_is_the_runtimes(runtime):
    assert timezone.utcnow() == runtime.moment


def test_naive_moments_are_told_and_made_aware():
    naive = dt.datetime(2026, 1, 1, 12)
    assert timezone.is_naive(naive) and not timezone.is_localized(naive)
    assert timezone.make_aware(naive) == timezone.datetime(2026, 1, 1, 12)
    assert timezone.make_aware(naive, PLUS2) == timezone.datetime(2026, 1, 1, 10)
    with pytest.raises(InvalidArgument, match="already"):
        timezone.make_aware(timezone.datetime(2026, 1, 1))


def test_conversions():
    moment = dt.datetime(2026, 1, 1, 12, tzinfo=PLUS2)
    assert timezone.convert_to_utc(moment).hour == 10
    assert timezone.coerce_datetime(moment) is moment
    assert timezone.coerce_datetime(dt.datetime(2026, 1, 1), PLUS2).hour == 2
    assert timezone.make_aware(None) is timezone.convert_to_utc(None) is timezone.coerce_datetime(None) is None


def test_parsing():
    assert timezone.parse("2026-01-01T12:00:00+02:00") == timezone.datetime(2026, 1, 1, 10)
    assert timezone.parse("2026-01-01") == timezone.datetime(2026, 1, 1)
    assert timezone.parse("2026-07-01", "Europe/Paris") == timezone.datetime(2026, 6, 30, 22)
    with pytest.raises(InvalidArgument, match="'soon'"):
        timezone.parse("soon")


def test_moments_without_zones_and_zones():
    moment = dt.datetime(2026, 1, 1, 12, tzinfo=PLUS2)
    assert timezone.make_naive(moment) == dt.datetime(2026, 1, 1, 10)
    assert timezone.make_naive(moment, PLUS2) == dt.datetime(2026, 1, 1, 12)
    with pytest.raises(InvalidArgument, match="has no time zone"):
        timezone.make_naive(dt.datetime(2026, 1, 1))
    assert timezone.from_timestamp(0) == timezone.utc_epoch
    assert timezone.from_timestamp(0, "Europe/Paris").hour == 1
    assert timezone.from_timestamp(0, "local") == timezone.from_timestamp(0, timezone.local_timezone())
    assert timezone.parse_timezone(7200).utcoffset(moment) == dt.timedelta(hours=2)
    assert moment.astimezone(timezone.parse_timezone("Europe/Paris")).hour == 11
