"""The command ``bide``."""

from __future__ import annotations

import errno
import os
import sys
from typing import Final

#: No room where the output goes.
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


def main() -> None:
    """Run the command of ``sys.argv``."""
    try:
        try:
            _run()
        finally:
            sys.stdout.flush()
    except OSError as error:
        if error.errno not in _FULL:
            raise
        # What could not be written is tried again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(f"bide: the output can't be written: {error.strerror}")


def _run() -> None:
    if sys.argv[1:] in (["version"], ["--version"]):
        # Scripts ask this often, and Typer alone takes longer to import than the answer.
        from bide.cli.version import print_version

        print_version()
        return
    from bide.cli.app import app

    app()
