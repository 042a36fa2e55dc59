"""Tracebacks as people need them who write DAGs: their own code, without Bide's around it."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType
from typing import Final

from bide.model import dag_modules
from bide.model.errors import BideError

_OWN_FILES: Final = str(Path(__file__).parents[1])


def format_error(error: BaseException, trace: TracebackType | None) -> str:
    """`error` with its causes, and the frames from `trace` on, as Python shows them.

    An error of Bide says what is wrong with the code that called it, and a signal of Bide where it interrupted that
    code: their frames end there.
    """
    shown = traceback.TracebackException(type(error), error, trace)
    _end_at_caller(shown, error)
    return dag_modules.shown("".join(shown.format()))


def _end_at_caller(shown: traceback.TracebackException | None, error: BaseException | None) -> None:
    if shown is None or error is None:
        return
    if isinstance(error, BideError) or not isinstance(error, Exception):
        while shown.stack and shown.stack[-1].filename.startswith(_OWN_FILES):
            shown.stack.pop()
    _end_at_caller(shown.__cause__, error.__cause__)
    _end_at_caller(shown.__context__, error.__context__)
