"""A DAG with a timetable of its author's own, in a test."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from bide import DAG, DataInterval, Timetable, task
from bide.testing import RunFailed, run_dag


class Weeks(Timetable):
    """It needs no import path that leads to it."""

    def infer_manual_data_interval(self, *, run_after: dt.datetime) -> DataInterval:
        return DataInterval(run_after - dt.timedelta(days=7), run_after)


def about_what(schedule: Any) -> DAG:
    with DAG("d", schedule=schedule) as dag:

        @task
        def about(data_interval_start: Any = None, data_interval_end: Any = None) -> float:
            return (data_interval_end - data_interval_start).total_seconds()

        about()
    return dag


@pytest.mark.parametrize(("schedule", "days"), [(Weeks(), 7), ("@daily", 1), (dt.timedelta(days=2), 2), (None, 0)])
def test_a_run_is_about_what_its_schedule_says(schedule: Any, days: int) -> None:
    result = run_dag(about_what(schedule))
    assert result.tasks["about"].result == days * 86_400


def test_a_timetable_that_can_not_say_fails_the_run() -> None:
    with pytest.raises(RunFailed, match="infer_manual_data_interval"):
        run_dag(about_what(Timetable()))
