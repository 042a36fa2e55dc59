"""``bide version``"""

from __future__ import annotations

import sys


def print_version() -> None:
    """Print the version of the installed distribution."""
    from importlib.metadata import version

    sys.stdout.write(f"{version('bide')}\n")


def __getattr__(name: str) -> object:
    """Make ``app`` when it is asked for: printing the version needs no Typer."""
    if name != "app":
        raise AttributeError(name)
    import typer

    app = typer.Typer()
    app.command("version", help="Print the version.")(print_version)
    return app
