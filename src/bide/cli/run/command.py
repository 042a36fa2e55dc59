"""``bide run``: one run, in this terminal."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import msgspec
import typer

from bide.cli.arguments import read_conf, read_moment
from bide.cli.exit_codes import BadInput, ExitCode
from bide.cli.opening import this_person
from bide.cli.options import DagsOption, Output, OutputOption
from bide.cli.output import say
from bide.cli.run.result import failure_lines, result_lines
from bide.cli.run.screen import make_screen
from bide.cli.run.target import find_target
from bide.cli.run.work import Ended, Order, run_to_end
from bide.cli.settings import read_config
from bide.config.resolved import Config

app = typer.Typer()

#: 128 and the number of SIGTERM, as shells say it.
_TERMINATED = 143


@app.command()
def run(
    target: Annotated[str, typer.Argument(metavar="PATH_OR_DAG_ID", help="A DAG file, or the id of a DAG.")],
    dag: Annotated[
        str | None, typer.Option(metavar="ID", help="Which DAG of the file.", show_default=False)
    ] = None,
    conf: Annotated[
        str | None, typer.Option(metavar="JSON", help="Object for the run's conf.", show_default=False)
    ] = None,
    logical_date: Annotated[
        str | None, typer.Option(metavar="DATE", help="ISO 8601; by default now.", show_default=False)
    ] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Go on with this run, where it was.", show_default=False)
    ] = None,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Run a DAG once, to its end, and show what it does.

    Needs no server; beside a running one (bide standalone) the run is handed over and followed. Exit code 0 only if
    the run succeeds. Ctrl-C cancels the run; a second one leaves at once, and --resume goes on later.
    """
    if resume is not None and (conf is not None or logical_date is not None):
        raise BadInput("--resume goes on with a run as it was made: leave out --conf and --logical-date")
    config = read_config(dags)
    values = read_conf(conf)
    moment = read_moment("--logical-date", logical_date, config.settings.core.default_timezone)

    async def work() -> Ended:
        found = await find_target(config, target)
        order = Order(found, dag or found.dag_id, values, moment, resume, this_person())
        return await run_to_end(config, order, make_screen(output))

    try:
        ended = asyncio.run(work())
    except asyncio.CancelledError:
        say("stopped; the run stays as it is: `bide runs list` shows it, --resume goes on with it")
        raise typer.Exit(_TERMINATED) from None
    _show(config, ended, output)
    if ended.code is not ExitCode.OK:
        raise typer.Exit(ended.code)


def _show(config: Config, ended: Ended, output: Output) -> None:
    failures = failure_lines(ended.result) if ended.code is ExitCode.FAILED else []
    if output is Output.JSON:
        encoded = msgspec.json.encode(ended.result)
        sys.stdout.write(msgspec.json.format(encoded, indent=2).decode() + "\n")
        sys.stdout.flush()
        for line in failures:
            say(line)
        return
    for line in (*failures, *result_lines(ended.result, ended.leaves)):
        sys.stdout.write(line + "\n")
    if ended.code is not ExitCode.OK:
        sys.stdout.write(f"logs and history: {config.home}\n")
    sys.stdout.flush()
