"""``bide migrate``: moving over from Airflow."""

from __future__ import annotations

import typer

from bide.cli.migrate import check, importing

app = typer.Typer(help="Move over from Airflow: check DAG files, take over what is kept.", no_args_is_help=True)
app.command()(check.check)
app.command("import")(importing.import_all)


@app.callback()
def group() -> None:
    """Move over from Airflow: check DAG files, take over what is kept."""
