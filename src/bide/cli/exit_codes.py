"""Exit codes, for scripts, and which error ends with which.

The page ``docs/reference/exit-codes.md`` says the same; a test holds both together.
"""

from __future__ import annotations

from enum import IntEnum

from bide.model.errors import (
    AuthoringError,
    BideError,
    ConfigError,
    Conflict,
    NotFound,
    StoreError,
    StoreInUse,
)


class ExitCode(IntEnum):
    """What a command of ``bide`` ends with."""

    #: Done; a run that was followed has succeeded.
    OK = 0
    #: The run or task failed, is not there, or its state does not allow what was asked.
    FAILED = 1
    #: Wrong usage, a wrong setting, or a DAG file or argument that can't be used.
    USAGE = 2
    #: The store can't be used: missing, locked, full, damaged or of another version.
    STORE = 3
    #: An engine can't start: another one holds the store, or the port is in use.
    IN_USE = 4
    #: Ended by Ctrl-C.
    INTERRUPTED = 130


class PortInUse(BideError):
    """Another program listens on the port that the API was to have."""


class BadInput(BideError):
    """An argument of a command that can't be used."""


_BY_ERROR: tuple[tuple[type[BideError], ExitCode], ...] = (
    (StoreInUse, ExitCode.IN_USE),
    (PortInUse, ExitCode.IN_USE),
    (StoreError, ExitCode.STORE),
    (ConfigError, ExitCode.USAGE),
    (AuthoringError, ExitCode.USAGE),
    (BadInput, ExitCode.USAGE),
    (NotFound, ExitCode.FAILED),
    (Conflict, ExitCode.FAILED),
)


def exit_code(error: BideError) -> ExitCode:
    """The code for a command that `error` ended."""
    for kind, code in _BY_ERROR:
        if isinstance(error, kind):
            return code
    return ExitCode.FAILED
