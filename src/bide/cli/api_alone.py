"""``bide api-server``: the REST API."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from bide.cli.options import DagsOption
from bide.cli.settings import read_config

app = typer.Typer()


@app.command("api-server")
def api_server(
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of the API; 0 takes a free one.", show_default=False)
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address of the API.", show_default=False)] = None,
    dags: DagsOption = None,
) -> None:
    """Serve the REST API. For a store on PostgreSQL; any number of them."""
    flags: dict[tuple[str, str], tuple[str, Any]] = {}
    if port is not None:
        flags["api", "port"] = ("--port", port)
    if host is not None:
        flags["api", "host"] = ("--host", host)
    config = read_config(dags, flags)
    from bide.cli.serve_part import serve_api

    asyncio.run(serve_api(config))
