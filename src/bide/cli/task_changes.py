"""``bide tasks clear``, ``mark`` and ``release``."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Annotated

import typer

from bide.cli.arguments import read_moment
from bide.cli.forcing import (
    DownstreamOption,
    DryRunOption,
    FutureOption,
    LatestOption,
    OnlyFailedOption,
    PastOption,
    UpstreamOption,
    YesOption,
    force,
)
from bide.cli.opening import open_store, this_person
from bide.cli.options import DagsOption, Output, OutputOption
from bide.cli.output import tell
from bide.cli.settings import read_config
from bide.cli.task_rows import run_named
from bide.control.clear_tasks import clear_tasks
from bide.control.mark_tasks import mark_tasks
from bide.control.note_run import note_task
from bide.control.release_tasks import release_tasks
from bide.control.selecting import Plan
from bide.model.selection import RunChoice, TaskChoice
from bide.model.states import TaskState
from bide.store import Store

DagArgument = Annotated[str, typer.Argument(help="Id of the DAG.", show_default=False)]
RunArgument = Annotated[str, typer.Argument(help="Id of the run.", show_default=False)]
TaskArgument = Annotated[str, typer.Argument(help="Id of the task.", show_default=False)]
MapIndexOption = Annotated[
    int | None, typer.Option(help="Only this instance of a mapped task.", show_default=False)
]


class Mark(StrEnum):
    """What a person may say of a task instance."""

    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"


def clear(
    dag_id: DagArgument,
    pattern: Annotated[
        str | None,
        typer.Option("--task-regex", "-t", metavar="REGEX", help="Only tasks that match.", show_default=False),
    ] = None,
    run: Annotated[
        list[str] | None, typer.Option("--run", help="Only this run; may be given again.", show_default=False)
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--start-date", "-s", help="Only runs of this logical date or later.", show_default=False),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--end-date", "-e", help="Only runs of this logical date or earlier.", show_default=False),
    ] = None,
    upstream: UpstreamOption = False,
    downstream: DownstreamOption = False,
    past: PastOption = False,
    future: FutureOption = False,
    only_failed: OnlyFailedOption = False,
    only_running: Annotated[
        bool, typer.Option("--only-running", "-r", help="Only what is running or deferred.")
    ] = False,
    map_index: Annotated[
        int | None, typer.Option(help="Only this instance of the mapped tasks that match.", show_default=False)
    ] = None,
    latest: LatestOption = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Let task instances run again, of all runs unless some are chosen; asks first on a terminal."""
    config = read_config(dags)
    zone = config.settings.core.default_timezone
    first, last = read_moment("--start-date", start, zone), read_moment("--end-date", end, zone)
    which_tasks = TaskChoice(
        pattern=pattern,
        upstream=upstream,
        downstream=downstream,
        only_failed=only_failed,
        only_running=only_running,
        map_index=map_index,
    )

    async def command(store: Store, dry: bool) -> Plan:
        named = frozenset([await run_named(store, dag_id, one) for one in run or ()]) or None
        return await clear_tasks(
            store,
            dag_id,
            which_runs=RunChoice(run_ids=named, start=first, end=last, past=past, future=future),
            which_tasks=which_tasks,
            latest=latest,
            dry_run=dry,
            by=this_person(),
        )

    force(config, command, verb="clear", dry_run=dry_run, yes=yes, output=output)


def mark(
    dag_id: DagArgument,
    run_id: RunArgument,
    task_id: TaskArgument,
    state: Annotated[Mark, typer.Option(help="The state that it gets.", show_default=False)],
    map_index: MapIndexOption = None,
    upstream: UpstreamOption = False,
    downstream: DownstreamOption = False,
    past: PastOption = False,
    future: FutureOption = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say that a task instance has succeeded, failed or was skipped, whatever it does; asks first on a terminal."""
    which_tasks = TaskChoice(
        task_ids=frozenset({task_id}) if map_index is None else None,
        mapped=frozenset() if map_index is None else frozenset({(task_id, map_index)}),
        upstream=upstream,
        downstream=downstream,
    )

    async def command(store: Store, dry: bool) -> Plan:
        return await mark_tasks(
            store,
            dag_id,
            which_runs=RunChoice(
                run_ids=frozenset({await run_named(store, dag_id, run_id)}), past=past, future=future
            ),
            which_tasks=which_tasks,
            state=TaskState(state.value),
            dry_run=dry,
            by=this_person(),
        )

    force(read_config(dags), command, verb="mark", dry_run=dry_run, yes=yes, output=output)


def release(
    dag_id: DagArgument,
    run_id: RunArgument,
    task_id: Annotated[str | None, typer.Argument(help="Only this task.", show_default=False)] = None,
    map_index: MapIndexOption = None,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Let task instances go on that are held because their work outside could not be cancelled."""
    config = read_config(dags)

    async def let_go() -> list[str]:
        async with open_store(config) as store:
            return await release_tasks(store, dag_id, run_id, task_id, map_index=map_index, by=this_person())

    released = asyncio.run(let_go())
    tell({"dag_id": dag_id, "run_id": run_id, "released": released}, output, f"released {', '.join(released)}")


def note(
    dag_id: DagArgument,
    run_id: RunArgument,
    task_id: TaskArgument,
    text: Annotated[str, typer.Argument(help="An empty text removes it.", show_default=False)],
    map_index: MapIndexOption = None,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Write something about a task instance, for people who look at it."""
    config = read_config(dags)

    async def write() -> int:
        async with open_store(config) as store:
            return await note_task(store, dag_id, run_id, task_id, text, map_index=map_index, by=this_person())

    number = asyncio.run(write())
    told = f"noted about {task_id} of {run_id}" if number == 1 else f"noted about {number} instances of {task_id}"
    tell({"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "noted": number}, output, told)
