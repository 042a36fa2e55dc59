"""What the context tells of the days and the runs before and after this one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from bide.authoring.instance import DagRun, TaskInstance
from bide.authoring.moments import pendulum_moment
from bide.authoring.templates import format_ds, format_ds_nodash

if TYPE_CHECKING:
    from bide.authoring.dag import DAG

_DAY = dt.timedelta(days=1)


def neighbour_names(dag: DAG, dag_run: DagRun, task_instance: TaskInstance) -> dict[str, Callable[[], Any]]:
    """Names and how to find what they stand for.

    ``prev_..._success`` are those of the last run before this one that has succeeded. The others are Airflow 2's:
    ``prev_ds`` and ``next_ds`` are by the schedule, whatever has run; of a run by hand, the day itself.
    """
    moment = dag_run.logical_date or dag_run.run_after

    @cache
    def succeeded() -> DagRun | None:
        return task_instance.get_previous_dagrun("success")

    @cache
    def following() -> dt.datetime | None:
        return _following(dag_run)

    @cache
    def preceding() -> dt.datetime | None:
        return _preceding(dag, dag_run)

    def of_success(name: str) -> Callable[[], Any]:
        return lambda: getattr(succeeded(), name, None)

    return {
        "prev_data_interval_start_success": of_success("data_interval_start"),
        "prev_data_interval_end_success": of_success("data_interval_end"),
        "prev_start_date_success": of_success("start_date"),
        "prev_end_date_success": of_success("end_date"),
        "prev_execution_date_success": of_success("logical_date"),
        "prev_execution_date": preceding,
        "prev_ds": lambda: format_ds(preceding()),
        "prev_ds_nodash": lambda: format_ds_nodash(preceding()),
        "next_execution_date": following,
        "next_ds": lambda: format_ds(following()),
        "next_ds_nodash": lambda: format_ds_nodash(following()),
        "yesterday_ds": lambda: format_ds(_shifted(moment, -_DAY)),
        "yesterday_ds_nodash": lambda: format_ds_nodash(_shifted(moment, -_DAY)),
        "tomorrow_ds": lambda: format_ds(_shifted(moment, _DAY)),
        "tomorrow_ds_nodash": lambda: format_ds_nodash(_shifted(moment, _DAY)),
    }


def _shifted(moment: dt.datetime | None, by: dt.timedelta) -> dt.datetime | None:
    return None if moment is None else moment + by


def _following(run: DagRun) -> dt.datetime | None:
    """When the schedule has the next run: a data interval begins where the last one ended."""
    if run.external_trigger or run.logical_date is None:
        return run.logical_date
    return run.data_interval_end if run.data_interval_end != run.data_interval_start else None


def _preceding(dag: DAG, run: DagRun) -> dt.datetime | None:
    """When the schedule had the run before."""
    from bide.authoring.schedules import schedule_of
    from bide.model.timetables import manual_interval

    if run.external_trigger or run.logical_date is None:
        return run.logical_date
    # The arithmetic of schedules wants plain datetimes.
    found = manual_interval(schedule_of(dag), dt.datetime.fromtimestamp(run.logical_date.timestamp(), dt.UTC))
    return None if found.start == run.logical_date else pendulum_moment(found.start)
