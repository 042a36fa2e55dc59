"""Moments counted from today."""

from __future__ import annotations

import datetime as dt

import pytest

from bide.standard import timezone


def test_days_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    now = dt.datetime(2026, 3, 1, 15, 4, 5, 6, tzinfo=dt.UTC)
    monkeypatch.setattr(timezone, "utcnow", lambda: now)
    assert timezone.days_ago(1) == dt.datetime(2026, 2, 28, tzinfo=dt.UTC)
    assert timezone.days_ago(0, hour=6, minute=30) == dt.datetime(2026, 3, 1, 6, 30, tzinfo=dt.UTC)
