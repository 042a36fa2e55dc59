"""Options that many commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from bide.cli.exit_codes import BadInput


class Output(StrEnum):
    """How rows are shown."""

    TABLE = "table"
    JSON = "json"


DagsOption = Annotated[
    Path | None,
    typer.Option(
        "--dags",
        metavar="DIR",
        help="Folder with DAG files; by default [core] dags_folder.",
        show_default=False,
    ),
]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="How rows are shown.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, help="Rows at most.")]
OffsetOption = Annotated[int, typer.Option("--offset", min=0, help="Rows to leave out first.")]
QueuesOption = Annotated[
    str | None,
    typer.Option("--queues", "-q", metavar="A,B", help="Serve these queues only.", show_default=False),
]

PortOption = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65535, help="Port of the API; 0 takes a free one.", show_default=False),
]
HostOption = Annotated[str | None, typer.Option("--host", help="Address of the API.", show_default=False)]


def api_flags(port: int | None, host: str | None) -> dict[tuple[str, str], tuple[str, Any]]:
    """Settings of the API that were given as flags, for :func:`bide.cli.settings.read_config`."""
    given = {"port": port, "host": host}
    return {("api", name): (f"--{name}", value) for name, value in given.items() if value is not None}


def queue_names(text: str | None) -> list[str] | None:
    """The queues of ``--queues``, None for all. Raises :class:`BadInput` for a list of none."""
    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise BadInput(f"--queues {text!r}: name at least one queue, or leave it out to serve all")
    return names
