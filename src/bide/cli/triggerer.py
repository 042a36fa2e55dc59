"""``bide triggerer``: runs the triggers of deferred tasks."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from bide.cli.options import DagsOption, QueuesOption, queue_names
from bide.cli.settings import read_config

app = typer.Typer()


@app.command()
def triggerer(
    queues: QueuesOption = None,
    capacity: Annotated[
        int | None, typer.Option(min=1, help="Polls and streams held at once, at most.", show_default=False)
    ] = None,
    dags: DagsOption = None,
) -> None:
    """Run the triggers of deferred tasks. For a store on PostgreSQL; any number of them.

    What one that dies has held is taken over by the others. Ends in good order on Ctrl-C and SIGTERM: what it holds
    is handed over at once.
    """
    flags: dict[tuple[str, str], tuple[str, Any]] = {}
    if capacity is not None:
        flags["triggerer", "capacity"] = ("--capacity", capacity)
    config = read_config(dags, flags)
    from bide.cli.serve_part import serve_part
    from bide.engine.parts import Part

    asyncio.run(serve_part(config, Part.TRIGGERER, queues=queue_names(queues)))
