"""Settings that DAG files see."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from bide import DAG
from bide.model.errors import ConfigError


def test_limits_of_a_dag_default_to_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (DAG("d").max_active_runs, DAG("e").max_active_tasks) == (16, 16)
    monkeypatch.setenv("BIDE__CORE__MAX_ACTIVE_RUNS_PER_DAG", "4")
    monkeypatch.setenv("AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG", "5")
    made = DAG("f")
    assert (made.max_active_runs, made.max_active_tasks) == (4, 5)
    assert DAG("g", max_active_runs=1).max_active_runs == 1


def test_a_limit_that_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIDE__CORE__MAX_ACTIVE_RUNS_PER_DAG", "many")
    with pytest.raises(ConfigError, match=r"\[core\] max_active_runs_per_dag must be an integer, not 'many'"):
        DAG("d")


def test_moments_without_a_zone_are_in_the_default_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIDE__CORE__DEFAULT_TIMEZONE", "Europe/Amsterdam")
    made = DAG("d", start_date=dt.datetime(2026, 1, 1), schedule="@daily")
    assert made.start_date == dt.datetime(2025, 12, 31, 23, tzinfo=dt.UTC)
    assert made.timezone == ZoneInfo("Europe/Amsterdam")
    assert DAG("e", schedule="@daily").timezone == ZoneInfo("Europe/Amsterdam")
