"""``bide standalone``: engine and API in one process."""

from __future__ import annotations

import asyncio

import typer

from bide.cli.options import DagsOption, HostOption, PortOption, api_flags
from bide.cli.settings import read_config

app = typer.Typer()


@app.command()
def standalone(
    port: PortOption = None,
    host: HostOption = None,
    dags: DagsOption = None,
) -> None:
    """Serve everything in one process: scheduler, triggerer, workers, API.

    Ends in good order on Ctrl-C and SIGTERM: running tasks get [local_executor] grace_sec to finish and are started
    again by the next engine otherwise; what waits goes on waiting. A second signal ends it at once.
    """
    config = read_config(dags, api_flags(port, host))
    # Parts of the server take long to import; a wrong setting is told before.
    from bide.cli.serve import serve

    asyncio.run(serve(config))
