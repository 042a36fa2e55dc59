"""``bide config``: the settings of this project."""

from __future__ import annotations

from typing import Annotated

import typer

from bide.cli.options import DagsOption, Output, OutputOption
from bide.cli.output import show_rows
from bide.cli.settings import read_config
from bide.config.table import setting_rows, show_value

app = typer.Typer(help="Show the settings of this project.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Show the settings of this project."""


@app.command()
def show(
    section: Annotated[str | None, typer.Argument(help="Only this section.", show_default=False)] = None,
    dags: DagsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print each setting: its value, where that comes from, and what it means."""
    config = read_config(dags)
    rows = [
        {
            "setting": row.name,
            "value": value if output is Output.JSON else show_value(value),
            "source": config.source(row.section, row.key),
            "meaning": row.meaning,
        }
        for row in setting_rows().values()
        if section in (None, row.section)
        for value in [config.shown_value(row.section, row.key)]
    ]
    if not rows:
        raise typer.BadParameter(f"there is no section [{section}]", param_hint="SECTION")
    show_rows(rows, output, title=f"Project {config.project}, state in {config.home}")
