"""``bide dags next-execution``: the runs that a DAG's schedule has coming."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Annotated, NamedTuple

import typer

from bide.cli.dag_files import command_template
from bide.cli.dag_rows import DagRow, resolve_dag
from bide.cli.options import DagsOption, Output, OutputOption
from bide.cli.output import Row, say, show_rows
from bide.cli.settings import read_config
from bide.config.resolved import Config
from bide.engine.extensions import Extensions
from bide.model.clock import Clock
from bide.model.cron import zone_of
from bide.model.timetables import Interval, coming_intervals, next_interval
from bide.observe.clock import SystemClock
from bide.wire.messages import AskTimetable


class _Run(NamedTuple):
    """A run to come."""

    run_after: datetime
    interval: Interval


def next_execution(
    dag_id: Annotated[str, typer.Argument(help="Id of the DAG.", show_default=False)],
    number: Annotated[int, typer.Option("--num-executions", "-n", min=1, help="How many runs to list.")] = 1,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the next scheduled runs: when they start, here and in the DAG's time zone, and what they are about."""
    config = read_config(dags)
    row = asyncio.run(resolve_dag(config, dag_id, parse=dags is not None))
    schedule = row.spec.schedule
    if schedule.kind == "custom" and row.problem is None:
        found, problem = asyncio.run(_ask(config, row, number))
    else:
        found, problem = [_Run(one.run_after, one) for one in islice(_coming(row, SystemClock()), number)], ""
    empty = f"{dag_id}: {problem or _why_none(row)}"
    show_rows([_shown(one, schedule.timezone) for one in found], output, empty=empty)
    if found and row.is_paused:
        say(f"{dag_id} is paused: these runs are made once it is not")
    if found and problem:
        say(f"{dag_id}: {problem}")
    if found and len(found) < number and schedule.kind == "continuous":
        say(f"{dag_id}: each further run follows the end of the one before")


async def _ask(config: Config, row: DagRow, number: int) -> tuple[list[_Run], str]:
    """What a timetable of somebody's own says of so many runs, asked as the engine asks it; and what failed."""
    found: list[_Run] = []
    if row.planned is not None:
        found.append(_Run(row.next_run_at or row.planned.run_after, row.planned))
    if len(found) >= number:
        return found, ""
    spec = row.spec
    async with command_template(config) as template:
        extensions = Extensions(template, config.settings.parsing.timeout_sec)
        while len(found) < number:
            last = found[-1].interval if found else None
            question = AskTimetable(
                question_id="next-execution",
                attempt=len(found),
                dag_id=spec.dag_id,
                file=spec.file,
                folder=spec.folder,
                classpath=spec.schedule.classpath,
                data=spec.schedule.data,
                last=None if last is None else (last.start.isoformat(), last.end.isoformat()),
                earliest=spec.start_date,
                latest=spec.end_date,
                catchup=spec.catchup,
            )
            async for _, answer in extensions.ask([question]):
                if answer is None or answer.error:
                    said = "there is no process to ask it in" if answer is None else answer.error
                    return found, f"the timetable {spec.schedule.classpath} failed: {said}"
                if answer.interval is None:
                    return found, ""
                start, end = map(datetime.fromisoformat, answer.interval)
                run_after = end if answer.run_after is None else datetime.fromisoformat(answer.run_after)
                found.append(_Run(run_after, Interval(start, end)))
    return found, ""


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


def _shown(one: _Run, timezone: str) -> Row:
    return {
        "run_after": one.run_after,
        "local_time": one.run_after.astimezone().isoformat(timespec="seconds"),
        "dag_time": f"{one.run_after.astimezone(zone_of(timezone)).isoformat(timespec='seconds')} {timezone}",
        "logical_date": one.interval.start,
        "data_interval_start": one.interval.start,
        "data_interval_end": one.interval.end,
    }


def _why_none(row: DagRow) -> str:
    if row.problem is not None:
        return row.problem
    match row.spec.schedule.kind:
        case "none":
            return "it has no schedule, and runs only when asked"
        case "custom":
            return "its timetable has no run to come"
        case "continuous":
            return "its next run follows the end of the one that is under way"
        case _:
            return "its schedule has no run to come"


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
