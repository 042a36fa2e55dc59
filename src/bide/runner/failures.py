"""How errors of user code are shown."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from json import JSONDecodeError
from pathlib import Path
from types import TracebackType
from typing import Final

from bide.authoring.rendering import RENDERING
from bide.authoring.used_connections import used_connections
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
#: What a service is to blame for that can't be reached or says nonsense. Such errors rarely say which one it was.
_OUTSIDE: Final = (ConnectionError, TimeoutError, socket.gaierror, JSONDecodeError)
#: What is said of a login that a service does not take.
_NO_LOGIN: Final = re.compile(r"\b40[13]\b|unauthori[sz]ed|forbidden|access token|credentials", re.IGNORECASE)


def one_line(error: BaseException) -> str:
    """What people see in a list of tasks; known secrets are masked."""
    if isinstance(error, SystemExit):
        return f"SystemExit: the code called sys.exit({error.code!r})"
    first = _said(error).strip().partition("\n")[0]
    text = f"{type(error).__name__}: {first}" if first else type(error).__name__
    # What Jinja says names neither the task nor the field.
    text += "".join(f" ({note})" for note in getattr(error, "__notes__", ()) if str(note).startswith(RENDERING))
    text += _reached(error, text)
    return storable(mask(dag_modules.shown(text))[:_LONGEST_ERROR])


def _reached(error: BaseException, said: str) -> str:
    """Which connections lead to what may be to blame, unless that is said already."""
    used = used_connections()
    if not used or not (_NO_LOGIN.search(said) or any(isinstance(one, _OUTSIDE) for one in _chain(error))):
        return ""
    if any(place.rpartition("/")[2].partition(":")[0] in said for place in used.values()):
        return ""
    return f" (connection {', '.join(f'{conn_id}: {place}' for conn_id, place in used.items())})"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def told_connections() -> str:
    """A line for the log of what has failed: which connections it had looked up, and where they lead."""
    return ", ".join(f"{conn_id} ({place})" if place else conn_id for conn_id, place in used_connections().items())


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
