"""What ``bide backfill create`` takes. Its options have Airflow's names as well, those of 2 and of 3."""

from __future__ import annotations

from typing import Annotated

import typer

from bide.model.backfills import Reprocess

DagArgument = Annotated[str | None, typer.Argument(metavar="DAG", help="Id of the DAG.", show_default=False)]
DagOption = Annotated[str | None, typer.Option("--dag-id", help="The same as DAG.", show_default=False)]
FromOption = Annotated[
    str | None,
    typer.Option(
        "--from-date",
        "--start-date",
        "-s",
        help="The first logical date: ISO 8601, without a zone in that of the DAG's schedule.",
        show_default=False,
    ),
]
ToOption = Annotated[
    str | None,
    typer.Option("--to-date", "--end-date", "-e", help="The last one; a day is meant whole.", show_default=False),
]
AtOnceOption = Annotated[
    int | None,
    typer.Option(
        "--max-active-runs",
        "--max-jobs",
        "-m",
        min=1,
        help="Runs at once. By default, and at most, as many as the DAG allows.",
        show_default=False,
    ),
]
ReprocessOption = Annotated[
    Reprocess,
    typer.Option("--reprocess", "--reprocess-behavior", help="Which runs that there are run again."),
]
OnlyFailedOption = Annotated[
    bool,
    typer.Option(
        "--rerun-failed-tasks", "--only-failed", help="Failed runs run again, but of them only what failed."
    ),
]
BackwardsOption = Annotated[
    bool, typer.Option("--newest-first", "--run-backwards", "-B", help="The newest date first.")
]
ConfOption = Annotated[
    str | None, typer.Option("--conf", "--dag-run-conf", "-c", help="JSON object for the runs.", show_default=False)
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show the dates, and make nothing.")]
WaitOption = Annotated[bool, typer.Option("--wait", "-w", help="Wait for its end.")]
NumberArgument = Annotated[int, typer.Argument(metavar="ID", help="Number of the backfill.", show_default=False)]
