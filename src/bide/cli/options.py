"""Options that many commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

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


def queue_names(text: str | None) -> list[str] | None:
    """The queues of ``--queues``, None for all. Raises :class:`BadInput` for a list of none."""
    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise BadInput(f"--queues {text!r}: name at least one queue, or leave it out to serve all")
    return names
