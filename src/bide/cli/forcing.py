"""What the commands that clear and mark have in common: ask, do it, and show what has changed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

import typer

from bide.cli.engines import scheduler_runs
from bide.cli.opening import open_store
from bide.cli.options import Output
from bide.cli.output import Row, say, show_rows
from bide.config.resolved import Config
from bide.control.selecting import Plan
from bide.store import Store

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
UpstreamOption = Annotated[bool, typer.Option("--upstream", "-u", help="Also all tasks before them.")]
DownstreamOption = Annotated[bool, typer.Option("--downstream", "-d", help="Also all tasks after them.")]
PastOption = Annotated[bool, typer.Option("--past", help="Also in all runs before the chosen ones.")]
FutureOption = Annotated[bool, typer.Option("--future", help="Also in all runs after the chosen ones.")]
OnlyFailedOption = Annotated[
    bool, typer.Option("--only-failed", "-f", help="Only what is failed or upstream_failed.")
]
LatestOption = Annotated[
    bool, typer.Option("--latest", help="Move the runs to the newest version of the DAG; else each keeps its own.")
]

#: Rows of a table that a person is asked about.
_SHOWN: Final = 50

#: Does the command, or with True its dry run.
Command = Callable[[Store, bool], Awaitable[Plan]]


def force(
    config: Config, command: Command, *, verb: str, dry_run: bool, yes: bool, output: Output, empty: str = ""
) -> None:
    """Run `command` and show what it changes; on a terminal ask first, unless `yes`.

    `verb` is ``clear``, say; `empty` is what to say where no instance has changed.
    """
    rows = asyncio.run(_force(config, command, verb, dry_run, yes))
    show_rows(rows, output, empty=empty or f"there is nothing to {verb}")
    if output is Output.TABLE and rows and not dry_run:
        say(f"done: {_count(len(rows))}")
        if not asyncio.run(scheduler_runs(config)):
            say("no engine runs on this store: what is to run begins when `bide standalone` starts")


async def _force(config: Config, command: Command, verb: str, dry_run: bool, yes: bool) -> list[Row]:
    async with open_store(config) as store:
        if dry_run:
            return _rows(await command(store, True))
        if not yes and sys.stdin.isatty():
            planned = _rows(await command(store, True))
            if planned:
                await asyncio.to_thread(_ask, planned, verb)
        return _rows(await command(store, False))


def _ask(planned: list[Row], verb: str) -> None:
    """Show `planned` on stderr and ask; an answer other than yes ends the command."""
    for row in planned[:_SHOWN]:
        index = "" if row["map_index"] < 0 else f" [{row['map_index']}]"
        say(f"  {row['run_id']}  {row['task_id']}{index}: {row['state']} -> {row['becomes']}")
    if len(planned) > _SHOWN:
        say(f"  and {len(planned) - _SHOWN} more")
    typer.confirm(f"{verb} {_count(len(planned))}?", abort=True, err=True)


def _count(number: int) -> str:
    return f"{number} task instance" + ("" if number == 1 else "s")


def _rows(plan: Plan) -> list[Row]:
    rows: list[Row] = [
        {
            "run_id": one.found.run_id,
            "task_id": one.found.task_id,
            "map_index": one.found.map_index,
            "state": str(one.found.state),
            "becomes": str(one.target),
        }
        for one in plan.changes
    ]
    made: list[Row] = [
        {"run_id": run_id, "task_id": task_id, "map_index": -1, "state": None, "becomes": "none"}
        for run_id, task_id in plan.added
    ]
    return rows + made
