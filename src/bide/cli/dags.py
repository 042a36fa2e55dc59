"""``bide dags``: what there is to run."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from bide.cli import dag_checks, next_runs
from bide.cli.arguments import read_conf, read_moment
from bide.cli.backfill import command as backfill
from bide.cli.dag_rows import DagRow, known_dags, known_errors, resolve_dag
from bide.cli.engines import scheduler_runs
from bide.cli.exit_codes import ExitCode
from bide.cli.opening import on_store, open_store, this_person
from bide.cli.options import DagsOption, Output, OutputOption
from bide.cli.output import Row, moment, say, show_json, show_record, show_rows, tell
from bide.cli.settings import read_config
from bide.config.resolved import Config
from bide.control.create_run import create_run
from bide.control.pause_dag import pause_dag
from bide.model.graph import topological_order
from bide.store.runs import RunRow

app = typer.Typer(help="List, show, trigger and pause DAGs; show which files can't be read.", no_args_is_help=True)

app.command("next-execution")(next_runs.next_execution)
app.command()(dag_checks.lint)
app.command()(dag_checks.test)
app.command()(dag_checks.report)
app.command()(dag_checks.reserialize)
app.command("backfill", help="As `bide backfill create --wait`.", hidden=True)(backfill.create)

DagArgument = Annotated[str, typer.Argument(help="Id of the DAG.", show_default=False)]


@app.command("list")
def list_all(
    tag: Annotated[list[str] | None, typer.Option(help="Only DAGs with all of these.", show_default=False)] = None,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List DAGs: those of the engine that runs, else those that the files make now."""
    config = read_config(dags)
    rows, broken = asyncio.run(known_dags(config, parse=dags is not None))
    wanted = set(tag or ())
    shown = [row for row in rows if wanted <= set(row.spec.tags)]
    show_rows([_summary(row) for row in shown], output, empty=f"no DAGs in {config.dags_folder}")
    if broken:
        say(f"{broken} import error{'s' if broken > 1 else ''}: see `bide dags errors`")


@app.command("details", help="Another name of show.", hidden=True)
@app.command()
def show(
    dag_id: DagArgument,
    only_tasks: Annotated[bool, typer.Option("--tasks", help="Only the ids of its tasks, one a line.")] = False,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show a DAG and its tasks, in the order in which they run."""
    row = asyncio.run(resolve_dag(read_config(dags), dag_id, parse=dags is not None))
    spec = row.spec
    tasks = {task.task_id: task for task in spec.tasks}
    order = topological_order({task_id: task.upstream for task_id, task in tasks.items()})
    if only_tasks:
        if output is Output.JSON:
            show_json(order)
        else:
            sys.stdout.writelines(f"{task_id}\n" for task_id in order)
        return
    # In JSON they stand apart, so that ids stay ids.
    edges = [{"source": before, "target": after, "label": text} for before, after, text in spec.edge_labels]
    labels = {} if output is Output.JSON else {(one["source"], one["target"]): one["label"] for one in edges}
    task_rows: list[Row] = [
        {
            "task_id": task_id,
            "operator": tasks[task_id].operator,
            "upstream": [_labelled(one, labels.get((one, task_id))) for one in tasks[task_id].upstream],
            "trigger_rule": tasks[task_id].trigger_rule,
            "retries": tasks[task_id].retries,
        }
        for task_id in order
    ]
    record: Row = {
        **_summary(row),
        "timezone": spec.schedule.timezone,
        "timetable": spec.schedule.description or None,
        "description": spec.description,
        "folder": spec.folder,
        "start_date": spec.start_date,
        "end_date": spec.end_date,
        "catchup": spec.catchup,
        "max_active_runs": spec.max_active_runs,
        "max_active_tasks": spec.max_active_tasks,
        "params": spec.params,
    }
    if output is Output.JSON:
        show_json({**record, "edge_labels": edges, "tasks": task_rows})
        return
    show_record(record, output)
    show_rows(task_rows, output, title="Tasks", empty="no tasks")


@app.command()
def trigger(
    dag_id: DagArgument,
    conf: Annotated[str | None, typer.Option(help="JSON object for the run.", show_default=False)] = None,
    logical_date: Annotated[str | None, typer.Option(help="ISO 8601; by default now.", show_default=False)] = None,
    run_after: Annotated[str | None, typer.Option(help="Not before; ISO 8601.", show_default=False)] = None,
    run_id: Annotated[str | None, typer.Option(help="By default made of the date.", show_default=False)] = None,
    note: Annotated[str | None, typer.Option(help="For people who look at the run.", show_default=False)] = None,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Ask the engine for a run, and return at once."""
    config = read_config(dags)

    async def make() -> RunRow:
        async with open_store(config) as store:
            return await create_run(
                store,
                dag_id,
                conf=read_conf(conf),
                logical_date=read_moment("--logical-date", logical_date, config.settings.core.default_timezone),
                run_after=read_moment("--run-after", run_after, config.settings.core.default_timezone),
                run_id=run_id,
                note=note,
                by=this_person(),
            )

    run = asyncio.run(make())
    show_record(
        {"dag_id": run.dag_id, "run_id": run.run_id, "state": run.state, "logical_date": run.logical_date}, output
    )
    _warn_without_engine(config)


@app.command()
def pause(dag_id: DagArgument, dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """Stop scheduled runs of a DAG; runs under way go on."""
    _set_paused(read_config(dags), dag_id, True, output)


@app.command()
def unpause(dag_id: DagArgument, dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """Let a DAG be scheduled again."""
    _set_paused(read_config(dags), dag_id, False, output)


@app.command()
def errors(dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """List why files can't be read; parses the folder if no engine runs or --dags names one. Exit code 1 if any."""
    config = read_config(dags)
    rows = asyncio.run(known_errors(config, parse=dags is not None))
    if output is Output.TABLE:
        # Tracebacks have many lines: the table has the message, and JSON all of it.
        rows = [{name: value for name, value in row.items() if name != "traceback"} for row in rows]
    show_rows(rows, output, empty=f"no import errors in {config.dags_folder}")
    if rows:
        raise typer.Exit(ExitCode.FAILED)


def _labelled(upstream: str, label: str | None) -> str:
    return upstream if label is None else f"{upstream} ({label})"


def _summary(row: DagRow) -> Row:
    return {
        "dag_id": row.spec.dag_id,
        "schedule": row.spec.schedule.text or None,
        "paused": row.is_paused,
        "next_run": None if row.next_run_at is None else moment(row.next_run_at),
        "problem": row.problem,
        "tags": list(row.spec.tags),
        "owner": row.spec.owner,
        "file": row.spec.file,
    }


def _set_paused(config: Config, dag_id: str, paused: bool, output: Output) -> None:
    due = on_store(config, lambda store: pause_dag(store, dag_id, paused, by=this_person()))
    catching_up = f"; {due} runs are due, since it catches up" if due > 1 else ""
    text = f"{dag_id} is {'paused' if paused else 'not paused'}{catching_up}"
    tell({"dag_id": dag_id, "paused": paused}, output, text)


def _warn_without_engine(config: Config) -> None:
    if not asyncio.run(scheduler_runs(config)):
        say("no engine runs on this store: the run begins when `bide standalone` starts")
