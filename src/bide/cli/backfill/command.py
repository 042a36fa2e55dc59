"""``bide backfill``: runs of past dates."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
import typer

from bide.cli.arguments import read_conf, read_day
from bide.cli.backfill import options as given
from bide.cli.backfill.follow import follow_backfill
from bide.cli.engines import scheduler_runs
from bide.cli.exit_codes import BadInput, ExitCode
from bide.cli.opening import open_store, this_person
from bide.cli.options import DagsOption, LimitOption, OffsetOption, Output, OutputOption
from bide.cli.output import Row, say, show_json, show_record, show_rows, tell
from bide.cli.settings import read_config
from bide.config.resolved import Config
from bide.control.change_backfill import cancel_backfill, pause_backfill
from bide.control.create_backfill import BackfillRequest, PlannedDate, create_backfill, plan_backfill
from bide.model.backfills import BackfillState, Reprocess
from bide.model.errors import NotFound
from bide.store import Tx
from bide.store.backfill_views import (
    BackfillView,
    DateView,
    list_backfills,
    list_dates,
    view_backfill,
)
from bide.store.views import Page

app = typer.Typer(help="Make runs of past dates, and see how far they are.", no_args_is_help=True)


@app.command()
def create(
    context: typer.Context,
    dag_id: given.DagArgument = None,
    from_date: given.FromOption = None,
    to_date: given.ToOption = None,
    max_active_runs: given.AtOnceOption = None,
    reprocess: given.ReprocessOption = Reprocess.NONE,
    only_failed: given.OnlyFailedOption = False,
    backwards: given.BackwardsOption = False,
    conf: given.ConfOption = None,
    dry_run: given.DryRunOption = False,
    wait: given.WaitOption = False,
    dag_option: given.DagOption = None,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make runs of a DAG for all dates of a range, both ends included, as there is room for them."""
    if from_date is None or to_date is None:
        raise BadInput("say which dates, such as --from-date 2024-01-01 --to-date 2024-01-31")
    if (dag_id is None) == (dag_option is None):
        raise BadInput("a backfill is of one DAG: give its id, and only once")
    asked = BackfillRequest(
        dag_id or dag_option or "",
        read_day("--from-date", from_date),
        read_day("--to-date", to_date, whole=True),
        reprocess=Reprocess.FAILED if only_failed and reprocess is Reprocess.NONE else reprocess,
        only_failed=only_failed,
        backwards=backwards,
        max_active_runs=max_active_runs,
        conf=read_conf(conf),
    )
    config = read_config(dags)
    if dry_run:
        _show_plan(asyncio.run(_plan(config, asked)), output)
        return
    made = asyncio.run(_create(config, asked))
    say(f"backfill {made.row.id} of {made.row.dag_id}: {_dates(made.row.total)}")
    if not asyncio.run(scheduler_runs(config)):
        say("no engine runs on this store: the runs begin when `bide standalone` starts")
    # As in Airflow 2, `bide dags backfill` ends when all is done.
    if wait or context.info_name == "backfill":
        _wait(config, made.row.id, output)
    elif output is Output.JSON:
        show_json(_summary(made))


@app.command("list")
def list_all(
    dag_id: Annotated[str | None, typer.Argument(help="Only those of this DAG.", show_default=False)] = None,
    active: Annotated[bool, typer.Option("--active", help="Only those that are not over.")] = False,
    limit: LimitOption = 25,
    offset: OffsetOption = 0,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List backfills, the newest first, and how far they are."""
    config = read_config(dags)

    async def read() -> tuple[list[BackfillView], int]:
        page = Page(limit, offset)
        async with open_store(config) as store:
            return await store.read(lambda tx: list_backfills(tx, page, dag_id=dag_id, only_active=active))

    views, total = asyncio.run(read())
    show_rows([_summary(view) for view in views], output, empty="no backfills")
    if total > offset + len(views) and output is Output.TABLE:
        say(f"{len(views)} of {total} backfills; see --limit and --offset")


@app.command()
def show(number: given.NumberArgument, dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """Show a backfill and what came of each of its dates."""
    config = read_config(dags)

    def read(tx: Tx) -> tuple[BackfillView, list[DateView]]:
        return _find(tx, number), list_dates(tx, number)

    async def look() -> tuple[BackfillView, list[DateView]]:
        async with open_store(config) as store:
            return await store.read(read)

    view, dates = asyncio.run(look())
    row = view.row
    record: Row = {
        **_summary(view),
        "reprocess": row.reprocess_behavior,
        "only_failed_tasks": row.only_failed,
        "newest_first": row.run_backwards,
        "max_active_runs": row.max_active_runs,
        "conf": msgspec.json.decode(row.conf),
        "created": row.created_at,
        "triggered_by": row.triggered_by,
        "over": row.completed_at,
    }
    rows: list[Row] = [one._asdict() for one in dates]
    if output is Output.JSON:
        show_json({**record, "dates": rows})
        return
    show_record(record, output)
    shown = ("logical_date", "run_id", "state", "reason")
    show_rows([{name: one[name] for name in shown} for one in rows], output, title="Dates")


@app.command()
def pause(number: given.NumberArgument, dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """Start no further runs of a backfill; those that run go on."""
    _set_paused(read_config(dags), number, True, output)


@app.command("unpause", help="Another name of resume.", hidden=True)
@app.command()
def resume(number: given.NumberArgument, dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """Let a paused backfill go on."""
    _set_paused(read_config(dags), number, False, output)


@app.command()
def cancel(
    number: given.NumberArgument,
    stop_runs: Annotated[bool, typer.Option("--stop-runs", help="End its runs that run, too.")] = False,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """End a backfill: its further dates get no runs; those that run go on, unless with --stop-runs."""
    config = read_config(dags)

    async def end() -> int:
        async with open_store(config) as store:
            return (await cancel_backfill(store, number, stop_runs=stop_runs, by=this_person()))[1]

    count = asyncio.run(end())
    runs = f"; {count} run{'' if count == 1 else 's'} cancelled" if count else ""
    tell({"id": number, "cancelled_runs": count}, output, f"backfill {number} is cancelled{runs}")


@app.command()
def wait(number: given.NumberArgument, dags: DagsOption = None, output: OutputOption = Output.TABLE) -> None:
    """Wait until a backfill is over; exit code 1 if a run of it failed, or it was cancelled."""
    _wait(read_config(dags), number, output)


async def _plan(config: Config, asked: BackfillRequest) -> list[PlannedDate]:
    async with open_store(config) as store:
        return await plan_backfill(store, asked)


async def _create(config: Config, asked: BackfillRequest) -> BackfillView:
    async with open_store(config) as store:
        row = await create_backfill(store, asked, by=this_person())
        return await store.read(lambda tx: _find(tx, row.id))


def _show_plan(planned: list[PlannedDate], output: Output) -> None:
    rows: list[Row] = [
        {
            "logical_date": one.logical_date,
            "data_interval_start": one.interval.start,
            "data_interval_end": one.interval.end,
            "step": str(one.step),
            "run_id": one.run_id,
        }
        for one in planned
    ]
    show_rows(rows, output)
    if output is Output.TABLE:
        say(f"{_dates(len(rows))}; nothing was made (--dry-run)")


def _wait(config: Config, number: int, output: Output) -> None:
    view = asyncio.run(_follow(config, number))
    failed, row = view.counts.get("failed", 0), view.row
    came = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(view.counts.items()))
    tell(_summary(view), output, f"backfill {number} of {row.dag_id} is {row.state}: {came}")
    if failed or row.state is BackfillState.CANCELLED:
        raise typer.Exit(ExitCode.FAILED)


async def _follow(config: Config, number: int) -> BackfillView:
    async with open_store(config) as store:
        return await follow_backfill(config, store, lambda tx: _find(tx, number))


def _set_paused(config: Config, number: int, paused: bool, output: Output) -> None:
    async def change() -> None:
        async with open_store(config) as store:
            await pause_backfill(store, number, paused, by=this_person())

    asyncio.run(change())
    text = f"backfill {number} is {'paused' if paused else 'not paused'}"
    tell({"id": number, "paused": paused}, output, text)


def _find(tx: Tx, number: int) -> BackfillView:
    view = view_backfill(tx, number)
    if view is None:
        raise NotFound(f"there is no backfill {number}")
    return view


def _summary(view: BackfillView) -> Row:
    row = view.row
    return {
        "id": row.id,
        "dag_id": row.dag_id,
        "state": str(row.state),
        "from_date": row.from_date,
        "to_date": row.to_date,
        "dates": row.total,
        "done": view.done,
        "counts": view.counts,
    }


def _dates(number: int) -> str:
    return f"{number} date" + ("" if number == 1 else "s")
