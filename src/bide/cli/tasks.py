"""``bide tasks``: the task instances of a run, and their logs."""

from __future__ import annotations

import asyncio
import io
import sys
from typing import Annotated

import typer

from bide.cli import task_changes
from bide.cli.exit_codes import BadInput
from bide.cli.follow_log import follow_instance
from bide.cli.opening import look, open_store
from bide.cli.options import DagsOption, Output, OutputOption
from bide.cli.output import Row, show_json, show_record, show_rows
from bide.cli.settings import read_config
from bide.cli.task_rows import find_instance, find_run, run_summaries, task_summary
from bide.config.resolved import Config
from bide.control.find_log import find_log
from bide.control.shown_links import shown_links
from bide.control.shown_secrets import know_secrets, shown_xcom
from bide.control.why_held import reasons_held
from bide.model.errors import NotFound
from bide.model.ids import NOT_MAPPED
from bide.model.log_path import LogLayout
from bide.model.tries import Try, tries_of
from bide.observe.log_files import read_log
from bide.store import Tx
from bide.store.callback_requests import list_failures
from bide.store.notes import list_notes
from bide.store.views import InstanceView, RunView, history, list_waits, list_xcoms

app = typer.Typer(help="List, show, clear and mark task instances, and read their logs.", no_args_is_help=True)
app.command()(task_changes.clear)
app.command()(task_changes.mark)
app.command()(task_changes.release)
app.command()(task_changes.note)

DagArgument = Annotated[str, typer.Argument(help="Id of the DAG.", show_default=False)]
TaskArgument = Annotated[str, typer.Argument(help="Id of the task.", show_default=False)]
RunOption = Annotated[
    str | None, typer.Option("--run", "-r", help="Id of the run; by default the newest.", show_default=False)
]
MapIndexOption = Annotated[int, typer.Option(help="Of a mapped instance.", show_default=False)]


@app.command("list")
def list_all(
    dag_id: DagArgument, run: RunOption = None, dags: DagsOption = None, output: OutputOption = Output.TABLE
) -> None:
    """List the task instances of a run."""

    def read(tx: Tx) -> tuple[RunView, list[Row]]:
        found = find_run(tx, dag_id, run)
        return found, run_summaries(tx, found)

    found, rows = look(read_config(dags), read)
    show_rows(rows, output, title=f"{dag_id} {found.run_id}: {found.state}")


@app.command()
def show(
    dag_id: DagArgument,
    task_id: TaskArgument,
    run: RunOption = None,
    map_index: MapIndexOption = NOT_MAPPED,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show a task instance: its states in order, what it waits for, its links and XComs, its log's path."""
    config = read_config(dags)
    record, events = asyncio.run(_show(config, dag_id, run, task_id, map_index))
    if output is Output.JSON:
        show_json({**record, "states": events})
        return
    show_record(record, output)
    show_rows(events, output, title="States", empty="not scheduled yet")


@app.command()
def tries(
    dag_id: DagArgument,
    task_id: TaskArgument,
    run: RunOption = None,
    map_index: MapIndexOption = NOT_MAPPED,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the tries of a task instance: how each ended, when, where, why, and its log."""
    config = read_config(dags)

    def read(tx: Tx) -> tuple[RunView, InstanceView, list[Try]]:
        found, instance = find_instance(tx, dag_id, run, task_id, map_index)
        return found, instance, tries_of(history(tx, [instance.uid]).get(instance.uid, ()))

    found, instance, had = look(config, read)
    layout = log_layout(config)
    rows: list[Row] = [
        {
            "try": one.number,
            "state": one.state,
            "start": one.start,
            "end": one.end,
            "seconds": None if one.seconds is None else round(one.seconds, 3),
            "host": one.host,
            "error": one.error,
            "log_path": str(find_log(layout, found, instance, one.number)),
        }
        for one in had
    ]
    show_rows(rows, output, title=f"{dag_id} {found.run_id} {task_id}", empty="no tries yet")


@app.command()
def logs(
    dag_id: DagArgument,
    task_id: TaskArgument,
    run: RunOption = None,
    map_index: MapIndexOption = NOT_MAPPED,
    try_number: Annotated[
        int | None, typer.Option("--try", min=1, help="By default the last one.", show_default=False)
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the instance is finished.")] = False,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print the log of a task instance; as JSON at once, with --follow when it has ended."""
    if follow and try_number is not None:
        raise BadInput("--follow goes on with the newest try: leave out --try")
    config = read_config(dags)
    layout = log_layout(config)
    out = io.StringIO() if output is Output.JSON else sys.stdout

    async def look() -> InstanceView:
        async with open_store(config) as store:
            found, instance = await store.read(lambda tx: find_instance(tx, dag_id, run, task_id, map_index))
            if follow:
                return await follow_instance(config, store, layout, found, instance, out)
            wanted = try_number or instance.try_number
            if wanted == 0 or wanted > instance.try_number:
                raise NotFound(f"task {task_id!r} has had {instance.try_number} tries in run {found.run_id!r}")
            out.write(read_log(find_log(layout, found, instance, wanted)))
            return instance

    seen = asyncio.run(look())
    if isinstance(out, io.StringIO):
        names: Row = {"dag_id": dag_id, "run_id": seen.run_id, "task_id": task_id, "map_index": map_index}
        show_json({**names, "try": try_number or seen.try_number, "lines": out.getvalue().splitlines()})


def log_layout(config: Config) -> LogLayout:
    """Where this project's logs lie."""
    return LogLayout(config.logs_root, config.settings.logging.log_filename_template)


async def _show(
    config: Config, dag_id: str, run_id: str | None, task_id: str, map_index: int
) -> tuple[Row, list[Row]]:
    def read(tx: Tx) -> tuple[Row, list[Row]]:
        run, instance = find_instance(tx, dag_id, run_id, task_id, map_index)
        waits, _ = list_waits(tx, instance_uids=[instance.uid])
        know_secrets(tx)
        xcoms = {
            row.key: shown_xcom(row.value)
            for row in list_xcoms(tx, dag_id, run.run_id, task_id=task_id)
            if row.map_index == map_index
        }
        log = find_log(log_layout(config), run, instance, instance.try_number) if instance.try_number else None
        record: Row = {
            "dag_id": dag_id,
            "run_id": run.run_id,
            **task_summary(
                instance,
                reasons_held(tx, [instance.uid]).get(instance.uid),
                list_failures(tx, [instance.uid]).get(instance.uid, ()),
            ),
            "deadline": instance.deadline,
            "due": instance.due_at,
            "note": list_notes(tx, [instance.uid]).get(instance.uid),
            "waits_for": waits[0].subject if waits else None,
            "waits_since": waits[0].armed_at if waits else None,
            "links": shown_links(tx, run, task_id, map_index),
            "xcom": xcoms,
            "log_path": None if log is None else str(log),
        }
        events: list[Row] = [
            {"state": event.state, "at": event.at, "by": event.by, "epoch": event.epoch}
            for event in history(tx, [instance.uid]).get(instance.uid, [])
        ]
        return record, events

    async with open_store(config) as store:
        return await store.read(read)
