"""The version, for whoever asks for nothing else: no parser of arguments is imported for it."""

from __future__ import annotations

import sys


def print_version() -> None:
    """Print the version of the installed distribution."""
    sys.stdout.write(f"{installed_version()}\n")


def installed_version() -> str:
    """The version of the installed distribution."""
    from importlib.metadata import version

    return version("bide")
