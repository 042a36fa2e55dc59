"""``bide migrate``: moving over from Airflow."""

from __future__ import annotations

import typer

from bide.cli import migrate_check

app = typer.Typer(help="Move over from Airflow: check DAG files, take over what is kept.", no_args_is_help=True)
app.command()(migrate_check.check)


@app.callback()
def group() -> None:
    """Move over from Airflow: check DAG files, take over what is kept."""
