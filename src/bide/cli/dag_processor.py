"""``bide dag-processor``: reads DAG files."""

from __future__ import annotations

import asyncio

import typer

from bide.cli.options import DagsOption
from bide.cli.settings import read_config

app = typer.Typer()


@app.command("dag-processor")
def dag_processor(dags: DagsOption = None) -> None:
    """Read the DAG files whenever they change. For a store on PostgreSQL."""
    config = read_config(dags)
    from bide.cli.serve_part import serve_part
    from bide.engine.parts import Part

    asyncio.run(serve_part(config, Part.DAG_PROCESSOR))
