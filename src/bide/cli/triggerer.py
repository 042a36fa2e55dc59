"""``bide triggerer``: runs the triggers of deferred tasks."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from bide.cli.exit_codes import BadInput
from bide.cli.options import DagsOption
from bide.cli.settings import read_config

app = typer.Typer()


@app.command()
def triggerer(
    queues: Annotated[
        str | None,
        typer.Option("--queues", "-q", metavar="A,B", help="Only waits of these queues.", show_default=False),
    ] = None,
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

    asyncio.run(serve_part(config, Part.TRIGGERER, queues=_names(queues)))


def _names(queues: str | None) -> list[str] | None:
    if queues is None:
        return None
    names = [name.strip() for name in queues.split(",") if name.strip()]
    if not names:
        raise BadInput(f"--queues {queues!r}: name at least one queue, or leave it out to serve all")
    return names
