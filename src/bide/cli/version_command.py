"""``bide version``"""

from __future__ import annotations

import typer

from bide.cli.options import Output, OutputOption
from bide.cli.output import show_json
from bide.cli.version import installed_version, print_version

app = typer.Typer()


@app.command()
def version(output: OutputOption = Output.TABLE) -> None:
    """Print the version."""
    if output is Output.JSON:
        show_json({"version": installed_version()})
    else:
        print_version()
