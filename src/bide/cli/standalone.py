"""``bide standalone``: engine and API in one process."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from bide.cli.options import DagsOption
from bide.cli.settings import read_config

app = typer.Typer()


@app.command()
def standalone(
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of the API; 0 takes a free one.", show_default=False)
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address of the API.", show_default=False)] = None,
    dags: DagsOption = None,
) -> None:
    """Serve everything in one process: scheduler, triggerer, workers, API.

    Ends in good order on Ctrl-C and SIGTERM: running tasks get [local_executor] grace_sec to finish and are started
    again by the next engine otherwise; what waits goes on waiting. A second signal ends it at once.
    """
    flags: dict[tuple[str, str], tuple[str, Any]] = {}
    if port is not None:
        flags["api", "port"] = ("--port", port)
    if host is not None:
        flags["api", "host"] = ("--host", host)
    config = read_config(dags, flags)
    # Parts of the server take long to import; a wrong setting is told before.
    from bide.cli.serve import serve

    asyncio.run(serve(config))
