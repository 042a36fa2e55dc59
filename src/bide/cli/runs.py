"""``bide runs``: what ran, runs and is to run."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Annotated

import msgspec
import typer

from bide.cli import deadlines
from bide.cli.forcing import DryRunOption, LatestOption, OnlyFailedOption, YesOption, force
from bide.cli.opening import on_store, open_store, this_person
from bide.cli.options import DagsOption, LimitOption, OffsetOption, Output, OutputOption
from bide.cli.output import Row, say, show_json, show_record, show_rows, tell
from bide.cli.settings import read_config
from bide.cli.task_rows import check_dag, find_run, run_summaries
from bide.config.resolved import Config
from bide.control.cancel_run import cancel_run
from bide.control.clear_tasks import clear_tasks
from bide.control.mark_run import mark_run
from bide.control.note_run import note_run
from bide.control.selecting import Plan
from bide.model.dag_modules import shown
from bide.model.selection import RunChoice, TaskChoice
from bide.model.states import RunState
from bide.store import Store, Tx
from bide.store.views import (
    ObligationView,
    Page,
    RunView,
    list_obligations,
    list_runs,
)

app = typer.Typer(help="List, show, clear, mark and cancel runs.", no_args_is_help=True)
app.command()(deadlines.deadlines)


class RunMark(StrEnum):
    """What a person may say of a run."""

    SUCCESS = "success"
    FAILED = "failed"
    QUEUED = "queued"


DagArgument = Annotated[str, typer.Argument(help="Id of the DAG.", show_default=False)]
RunArgument = Annotated[str, typer.Argument(help="Id of the run.", show_default=False)]


@app.command("list")
def list_all(
    dag_id: Annotated[str | None, typer.Argument(help="Only runs of this DAG.", show_default=False)] = None,
    state: Annotated[list[RunState] | None, typer.Option(help="Only in these states.", show_default=False)] = None,
    limit: LimitOption = 25,
    offset: OffsetOption = 0,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List runs, the newest first."""
    config = read_config(dags)
    page, states = Page(limit, offset), [one.value for one in state or ()]
    rows, total = asyncio.run(_list(config, page, dag_id, states))
    show_rows([run_summary(row) for row in rows], output, empty="no runs")
    if total > offset + len(rows) and output is Output.TABLE:
        say(f"{len(rows)} of {total} runs; see --limit and --offset")


@app.command()
def show(
    dag_id: DagArgument, run_id: RunArgument, dags: DagsOption = None, output: OutputOption = Output.TABLE
) -> None:
    """Show a run and its tasks."""
    run, tasks, obligations = asyncio.run(_show(read_config(dags), dag_id, run_id))
    record: Row = {
        **run_summary(run),
        "data_interval_start": run.data_interval_start,
        "data_interval_end": run.data_interval_end,
        "queued": run.queued_at,
        "conf": msgspec.json.decode(run.conf),
        "note": run.note,
        "triggered_by": run.triggered_by,
    }
    cancels: list[Row] = [
        {"task_id": one.task_id, "trigger": shown(one.classpath), "state": one.state, "error": one.error}
        for one in obligations
    ]
    if output is Output.JSON:
        show_json({**record, "tasks": tasks, "external_cancels": cancels})
        return
    show_record(record, output)
    show_rows(tasks, output, title="Tasks", empty="no tasks")
    if cancels:
        show_rows(cancels, output, title="External work that is to be cancelled")


@app.command()
def cancel(
    dag_id: DagArgument, run_id: RunArgument, dags: DagsOption = None, output: OutputOption = Output.TABLE
) -> None:
    """End a run: nothing of it goes on but teardowns, and external work that it waits for is cancelled."""
    config = read_config(dags)

    done = on_store(config, lambda store: cancel_run(store, dag_id, run_id, by=this_person()))
    message = f"cancelled {dag_id} {run_id}: {done.instances} task instances"
    if done.teardowns:
        message += f"; its teardowns go on (cancel it again to end them too): {', '.join(done.teardowns)}"
    told = {"dag_id": dag_id, "run_id": run_id, "cancelled": done.instances, "teardowns": list(done.teardowns)}
    tell(told, output, message)


@app.command()
def clear(
    dag_id: DagArgument,
    run_ids: Annotated[list[str], typer.Argument(metavar="RUN...", help="Ids of runs.", show_default=False)],
    only_failed: OnlyFailedOption = False,
    latest: LatestOption = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Let runs run again, all of their tasks or those that failed; asks first on a terminal."""

    async def command(store: Store, dry: bool) -> Plan:
        return await clear_tasks(
            store,
            dag_id,
            which_runs=RunChoice(run_ids=frozenset(run_ids)),
            which_tasks=TaskChoice(only_failed=only_failed),
            latest=latest,
            dry_run=dry,
            by=this_person(),
        )

    force(read_config(dags), command, verb="clear", dry_run=dry_run, yes=yes, output=output)


@app.command()
def mark(
    dag_id: DagArgument,
    run_id: RunArgument,
    state: Annotated[RunMark, typer.Option(help="The state that it gets.", show_default=False)],
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say that a run has succeeded or failed, with all that it has, or let it go on; asks first on a terminal."""

    async def command(store: Store, dry: bool) -> Plan:
        return await mark_run(store, dag_id, run_id, RunState(state.value), dry_run=dry, by=this_person())

    empty = f"no task instance {'would change' if dry_run else 'has changed'}; the run is {state}"
    force(read_config(dags), command, verb="mark", dry_run=dry_run, yes=yes, output=output, empty=empty)


@app.command()
def note(
    dag_id: DagArgument,
    run_id: RunArgument,
    text: Annotated[str, typer.Argument(help="For people who look at the run.", show_default=False)],
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Write something about a run."""
    config = read_config(dags)

    on_store(config, lambda store: note_run(store, dag_id, run_id, text, by=this_person()))
    tell({"dag_id": dag_id, "run_id": run_id, "note": text}, output, f"noted about {dag_id} {run_id}")


def run_summary(row: RunView) -> Row:
    """The fields that lists of runs show."""
    taken = None if row.start_date is None or row.end_date is None else row.end_date - row.start_date
    return {
        "dag_id": row.dag_id,
        "run_id": row.run_id,
        "state": row.state,
        "type": row.run_type,
        "logical_date": row.logical_date,
        "start": row.start_date,
        "end": row.end_date,
        "seconds": None if taken is None else round(taken.total_seconds(), 3),
        "reason": row.reason or None,
    }


async def _list(config: Config, page: Page, dag_id: str | None, states: list[str]) -> tuple[list[RunView], int]:
    def read(tx: Tx) -> tuple[list[RunView], int]:
        if dag_id is not None:
            check_dag(tx, dag_id)
        return list_runs(tx, page, dag_id=dag_id, states=states)

    async with open_store(config) as store:
        return await store.read(read)


async def _show(config: Config, dag_id: str, run_id: str) -> tuple[RunView, list[Row], list[ObligationView]]:
    def read(tx: Tx) -> tuple[RunView, list[Row], list[ObligationView]]:
        run = find_run(tx, dag_id, run_id)
        return run, run_summaries(tx, run), list_obligations(tx, run_uid=run.uid)

    async with open_store(config) as store:
        return await store.read(read)
