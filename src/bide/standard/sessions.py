"""What stands for sessions of a database: code of users has none, and is told what to use instead."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeVar

from bide.model.errors import BideError

F = TypeVar("F", bound=Callable[..., Any])

#: The default of parameters for sessions.
NEW_SESSION: Final[Any] = None

_INSTEAD: Final = (
    "tasks and DAG files have no access to Bide's database. Take what a task needs from its context (ti, dag_run), "
    "connections and variables by their classes, and other runs by the REST API"
)


class NoDatabase(BideError):
    """Code of a user has asked for the database."""


def create_session(scoped: bool = True) -> NoReturn:
    """Raise :class:`NoDatabase`, which says what to use instead."""
    raise NoDatabase(f"create_session(): {_INSTEAD}")


def configure_orm(*args: Any, **kwargs: Any) -> None:
    """Accepted: processes of users have no database to set up. Who then asks for a session is told so."""


def provide_session(func: F) -> F:
    """Marks a function that wants a session. A call that does not bring one raises :class:`NoDatabase`."""
    signature = inspect.signature(func)
    if "session" not in signature.parameters:
        raise ValueError(f"{func.__qualname__}() is under @provide_session, but has no parameter 'session'")

    @functools.wraps(func)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if signature.bind_partial(*args, **kwargs).arguments.get("session") is None:
            raise NoDatabase(f"{func.__qualname__}() wants a session of a database, and {_INSTEAD}")
        return func(*args, **kwargs)

    return checked  # pyright: ignore[reportReturnType]
