"""``bide scheduler``: makes runs and runs their tasks."""

from __future__ import annotations

import asyncio

import typer

from bide.cli.options import DagsOption, QueuesOption, queue_names
from bide.cli.settings import read_config

app = typer.Typer()


@app.command()
def scheduler(queues: QueuesOption = None, dags: DagsOption = None) -> None:
    """Make runs, and run their tasks in workers of this host. For a store on PostgreSQL; any number of them.

    With --queues it makes all runs, and runs the tasks of these queues only.

    Tasks need the same DAG files here as where they are parsed. Ends in good order on Ctrl-C and SIGTERM.
    """
    config = read_config(dags)
    from bide.cli.serve_part import serve_part
    from bide.engine.parts import Part

    asyncio.run(serve_part(config, Part.SCHEDULER, queues=queue_names(queues)))
