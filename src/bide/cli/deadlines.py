"""``bide runs deadlines``: by when tasks and runs should have succeeded."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from bide.cli.opening import open_store
from bide.cli.options import DagsOption, LimitOption, OffsetOption, Output, OutputOption
from bide.cli.output import say, show_rows
from bide.cli.settings import read_config
from bide.config.resolved import Config
from bide.store.deadlines import DeadlineView, views


def deadlines(
    dag_id: Annotated[str | None, typer.Argument(help="Only of this DAG.", show_default=False)] = None,
    run: Annotated[str | None, typer.Option("--run", "-r", help="Only of this run.", show_default=False)] = None,
    missed: Annotated[
        bool | None, typer.Option("--missed/--to-come", help="Only missed ones, or only the others.")
    ] = None,
    limit: LimitOption = 25,
    offset: OffsetOption = 0,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List deadlines of runs and tasks (sla=), the latest first; those that were met are gone."""
    rows, total = asyncio.run(_find(read_config(dags), dag_id, run, missed, limit, offset))
    show_rows(
        [
            {
                "dag_id": row.dag_id,
                "run_id": row.run_id,
                "task_id": row.task_id,
                "name": row.name or None,
                "counted_from": row.reference,
                "due_at": row.due_at,
                "missed_at": row.missed_at,
                "callback": "to be called" if row.is_calling else None,
            }
            for row in rows
        ],
        output,
        empty="no deadlines",
    )
    if total > len(rows):
        say(f"{len(rows)} of {total} deadlines; see --limit and --offset")


async def _find(
    config: Config, dag_id: str | None, run: str | None, missed: bool | None, limit: int, offset: int
) -> tuple[list[DeadlineView], int]:
    async with open_store(config) as store:
        return await store.read(
            lambda tx: views(tx, dag_id=dag_id, run_id=run, missed=missed, limit=limit, offset=offset)
        )
