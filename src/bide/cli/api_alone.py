"""``bide api-server``: the REST API."""

from __future__ import annotations

import asyncio

import typer

from bide.cli.options import DagsOption, HostOption, PortOption, api_flags
from bide.cli.settings import read_config

app = typer.Typer()


@app.command("api-server")
def api_server(
    port: PortOption = None,
    host: HostOption = None,
    dags: DagsOption = None,
) -> None:
    """Serve the REST API. For a store on PostgreSQL; any number of them."""
    config = read_config(dags, api_flags(port, host))
    from bide.cli.serve_part import serve_api

    asyncio.run(serve_api(config))
