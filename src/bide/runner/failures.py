"""How errors of user code are shown."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Final

from bide.authoring.rendering import RENDERING
from bide.model import dag_modules
from bide.model.errors import BideError
from bide.model.storable_text import storable
from bide.observe.masking import mask
from bide.observe.tracebacks import format_error

#: Characters of the one line that says why a task or trigger failed.
_LONGEST_ERROR: Final = 1000
_BIDE: Final = Path(__file__).parents[1]
#: Bide's own files around a task's code: those that run it, and those whose functions it calls.
_RUNNER_FILES: Final = (str(_BIDE / "runner"), str(_BIDE / "testing"))
_AUTHORING_FILES: Final = str(_BIDE / "authoring")


def one_line(error: BaseException) -> str:
    """What people see in a list of tasks; known secrets are masked."""
    if isinstance(error, SystemExit):
        return f"SystemExit: the code called sys.exit({error.code!r})"
    first = _said(error).strip().partition("\n")[0]
    text = f"{type(error).__name__}: {first}" if first else type(error).__name__
    # What Jinja says names neither the task nor the field.
    text += "".join(f" ({note})" for note in getattr(error, "__notes__", ()) if str(note).startswith(RENDERING))
    return storable(mask(dag_modules.shown(text))[:_LONGEST_ERROR])


def described(error: BaseException) -> str:
    """One line, followed by the traceback without Bide's own frames, if any others are left; no end of line."""
    line = one_line(error)
    text = user_traceback(error)
    return f"{line}\n{text}" if "\n" in text else line


def user_traceback(error: BaseException) -> str:
    """The traceback without Bide's own frames around the user's code, as text without an end of line."""
    return format_error(error, from_user_code(error)).rstrip()


def from_user_code(error: BaseException) -> TracebackType | None:
    """The traceback from the first frame of user code on."""
    trace = _below(error.__traceback__, (*_RUNNER_FILES, _AUTHORING_FILES)) or _below(
        error.__traceback__, _RUNNER_FILES
    )
    # All of it is the runner's: then that is where the error is, unless it was raised to say something.
    return error.__traceback__ if trace is None and not isinstance(error, BideError) else trace


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as failure:
        return f"(its text can't be shown: {type(failure).__name__} in __str__)"


def _below(trace: TracebackType | None, folders: tuple[str, ...]) -> TracebackType | None:
    """`trace` from the first frame on whose code is not in one of `folders`."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(folders):
        trace = trace.tb_next
    return trace
