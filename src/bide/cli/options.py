"""Options that many commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


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
