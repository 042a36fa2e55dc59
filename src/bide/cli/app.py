"""The root of all commands."""

from __future__ import annotations

from typing import Annotated

import typer

from bide.cli.commands import Commands

app = typer.Typer(
    name="bide",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from bide.cli.version import print_version

        print_version()
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Run DAGs whose waiting tasks cost nothing.

    Exit codes: 0 success; 1 the run or task failed or was not found; 2 wrong usage, setting or DAG file;
    3 the store can't be used; 4 another engine holds the store, or the port is in use; 130 ended by Ctrl-C.
    """
