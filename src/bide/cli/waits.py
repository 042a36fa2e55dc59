"""``bide waits``: what deferred tasks wait for."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
import typer

from bide.cli import wait_changes
from bide.cli.engines import find_triggerers
from bide.cli.live_waits import look_at, wait_row
from bide.cli.opening import open_store
from bide.cli.options import DagsOption, LimitOption, Output, OutputOption
from bide.cli.output import Row, say, show_json, show_rows
from bide.cli.settings import read_config
from bide.cli.task_rows import check_dag, find_instance, find_run
from bide.config.resolved import Config
from bide.control.wait_statistics import WaitStatistics, wait_statistics
from bide.model.dag_modules import shown
from bide.model.errors import NotFound
from bide.model.ids import NOT_MAPPED
from bide.store import Tx
from bide.store.views import Page, WaitView, list_waits
from bide.store.wait_statistics import WaitCount

app = typer.Typer(help="List what deferred tasks wait for, send signals, end waits.", no_args_is_help=True)
app.command()(wait_changes.signal)
app.command()(wait_changes.cancel)


@app.command("list")
def list_all(
    dag_id: Annotated[str | None, typer.Argument(help="Only waits of this DAG.", show_default=False)] = None,
    run: Annotated[str | None, typer.Option("--run", "-r", help="Only of this run.", show_default=False)] = None,
    limit: LimitOption = 100,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List waits, the longest first: for what, since, until, when looked at next, and where."""
    rows, total = asyncio.run(_list(read_config(dags), Page(limit), dag_id, run))
    show_rows(rows, output, empty="nothing waits")
    if total > len(rows) and output is Output.TABLE:
        say(f"{len(rows)} of {total} waits; see --limit")


@app.command()
def show(
    dag_id: wait_changes.DagArgument,
    task_id: wait_changes.TaskArgument,
    run: wait_changes.RunOption = None,
    map_index: wait_changes.MapIndexOption = NOT_MAPPED,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what a task waits for: the whole of it, and each part that has not ended."""
    rows = asyncio.run(_show(read_config(dags), dag_id, task_id, run, map_index))
    show_rows(rows, output, title=f"{dag_id} {task_id}")


@app.command()
def stats(dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """Show how many waits there are by kind and class, how fast tasks go on, and how triggerers are."""
    found = asyncio.run(_stats(read_config(dags)))
    counts: list[Row] = [
        {"kind": one.kind, "trigger": shown(one.classpath), **_numbers(one)} for one in found.counts
    ]
    triggerers: list[Row] = [msgspec.to_builtins(one) for one in found.triggerers]
    lags, looks = found.lags._asdict(), msgspec.to_builtins(found.looks)
    if output is Output.JSON:
        show_json({"counts": counts, "resume_lag": lags, "looks": looks, "triggerers": triggerers})
        return
    show_rows(counts, output, title="Waits", empty="nothing waits")
    show_rows([lags], output, title="Seconds from an event to the task's going on")
    show_rows([looks], output, title="Looks of polls, and seconds")
    for one in triggerers:
        del one["looks"], one["only_run"]  # type: ignore[attr-defined]
    show_rows(triggerers, output, title="Triggerers", empty="no triggerer is alive")


def _numbers(one: WaitCount) -> Row:
    return {"waiting": one.waiting, "unclaimed": one.unclaimed, "oldest": one.oldest}


async def _stats(config: Config) -> WaitStatistics:
    async with open_store(config) as store:
        return await wait_statistics(store, await find_triggerers(config, store))


async def _list(config: Config, page: Page, dag_id: str | None, run_id: str | None) -> tuple[list[Row], int]:
    def read(tx: Tx) -> tuple[list[WaitView], int]:
        if dag_id is not None and run_id is not None:
            find_run(tx, dag_id, run_id)
        elif dag_id is not None:
            check_dag(tx, dag_id)
        return list_waits(tx, page, dag_id=dag_id, run_id=run_id)

    async with open_store(config) as store:
        waits, total = await store.read(read)
        live = await look_at(config, store, waits)
        return [wait_row(wait, live) for wait in waits], total


async def _show(config: Config, dag_id: str, task_id: str, run: str | None, map_index: int) -> list[Row]:
    def read(tx: Tx) -> list[WaitView]:
        _, instance = find_instance(tx, dag_id, run, task_id, map_index)
        waits, _ = list_waits(tx, instance_uids=[instance.uid])
        if not waits:
            raise NotFound(f"{dag_id}.{task_id} of run {instance.run_id!r} does not wait: it is {instance.state}")
        return sorted(waits, key=lambda one: one.uid)

    async with open_store(config) as store:
        waits = await store.read(read)
        live = await look_at(config, store, waits)
    names = {wait.uid: wait.name for wait in waits}
    return [
        {
            "id": wait.uid,
            "part": None if wait.parent_uid is None else wait.name,
            "of": names.get(wait.parent_uid or ""),
            **wait_row(wait, live),
            "queue": wait.queue,
        }
        for wait in waits
    ]
