"""The command ``bide``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command of ``sys.argv``."""
    if sys.argv[1:] in (["version"], ["--version"]):
        # Scripts ask this often, and Typer alone takes longer to import than the answer.
        from bide.cli.version import print_version

        print_version()
        return
    from bide.cli.app import app

    app()
