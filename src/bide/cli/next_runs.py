"""``bide dags next-execution``: the runs that a DAG's schedule has coming."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Annotated, Final

import typer

from bide.cli.dag_rows import DagRow, resolve_dag
from bide.cli.options import DagsOption, Output, OutputOption
from bide.cli.output import Row, say, show_rows
from bide.cli.settings import read_config
from bide.model.clock import Clock
from bide.model.cron import zone_of
from bide.model.timetables import Interval, coming_intervals, next_interval
from bide.observe.clock import SystemClock

#: Why only the next run is known.
_UNKNOWN: Final = {
    "continuous": "each further run follows the end of the one before",
    "custom": "its timetable is asked for one run at a time",
}


def next_execution(
    dag_id: Annotated[str, typer.Argument(help="Id of the DAG.", show_default=False)],
    number: Annotated[int, typer.Option("--num-executions", "-n", min=1, help="How many runs to list.")] = 1,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the next scheduled runs: when they start, here and in the DAG's time zone, and what they are about."""
    row = asyncio.run(resolve_dag(read_config(dags), dag_id, parse=dags is not None))
    schedule = row.spec.schedule
    found = list(islice(_coming(row, SystemClock()), number))
    show_rows([_shown(one, schedule.timezone) for one in found], output, empty=f"{dag_id}: {_why_none(row)}")
    if found and row.is_paused:
        say(f"{dag_id} is paused: these runs are made once it is not")
    if found and len(found) < number and schedule.kind in _UNKNOWN:
        say(f"{dag_id}: {_UNKNOWN[schedule.kind]}")


def _coming(row: DagRow, clock: Clock) -> Iterator[Interval]:
    spec, now = row.spec, clock.now()
    start_date, end_date = _moment(spec.start_date), _moment(spec.end_date)
    first = row.planned
    if first is None and row.is_paused is None:
        # Nothing has ever stored it.
        first = next_interval(
            spec.schedule, last=None, start_date=start_date, end_date=end_date, catchup=spec.catchup, now=now
        )
    return coming_intervals(spec.schedule, first=first, start_date=start_date, end_date=end_date, now=now)


def _shown(one: Interval, timezone: str) -> Row:
    return {
        "run_after": one.run_after,
        "local_time": one.run_after.astimezone().isoformat(timespec="seconds"),
        "dag_time": f"{one.run_after.astimezone(zone_of(timezone)).isoformat(timespec='seconds')} {timezone}",
        "logical_date": one.start,
        "data_interval_start": one.start,
        "data_interval_end": one.end,
    }


def _why_none(row: DagRow) -> str:
    if row.problem is not None:
        return row.problem
    match row.spec.schedule.kind:
        case "none":
            return "it has no schedule, and runs only when asked"
        case "custom":
            return "its timetable has no run to come, or was not asked yet"
        case "continuous":
            return "its next run follows the end of the one that is under way"
        case _:
            return "its schedule has no run to come"


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
