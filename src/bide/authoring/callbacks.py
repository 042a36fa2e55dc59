"""``on_failure_callback`` and its like: what authors give, and calling it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, cast

from bide.authoring.settings import find_flag
from bide.model.errors import InvalidArgument

if TYPE_CHECKING:
    from bide.authoring.dag import DAG
    from bide.authoring.operator import BaseOperator

Callback = Callable[[Any], Any]
#: One function of the context, several, or none.
Callbacks = Callback | Iterable[Callback] | None

#: How the end of a try is called where its callbacks are named: ``on_{event}_callback``.
TASK_EVENTS: Final = ("success", "failure", "retry", "skipped")
RUN_EVENTS: Final = ("success", "failure")
#: At which of them a task sends mail, if it has an ``email=`` and is not told otherwise.
MAIL_EVENTS: Final = ("failure", "retry")


def as_callbacks(value: Callbacks) -> list[Callback]:
    """The functions in `value`; :class:`InvalidArgument` for what can't be called."""
    if value is None:
        return []
    callbacks = (
        list(cast("Iterable[Any]", value)) if isinstance(value, list | tuple | set) else [cast("Any", value)]
    )
    for callback in callbacks:
        if not callable(callback):
            raise InvalidArgument(f"a callback must be a function of the context, not {callback!r}")
    return callbacks


def callbacks_of(owner: BaseOperator | DAG, event: str) -> list[Callback]:
    """The callbacks of a task or DAG at an event; authors may have set them after it was made."""
    return as_callbacks(getattr(owner, f"on_{event}_callback", None))


def events_called(owner: BaseOperator | DAG, events: Iterable[str]) -> tuple[str, ...]:
    """Those of `events` at which `owner` has callbacks."""
    return tuple(event for event in events if callbacks_of(owner, event))


def wants_mail(event: str, email: object, given: bool | None) -> bool:
    """What ``email_on_failure=`` and its like come to: as `given`, else as the settings say."""
    if given is not None or not email:
        return given is not False
    return find_flag("email", f"default_email_on_{event}", True)


def sends_mail(task: BaseOperator, event: str) -> bool:
    """Whether the task sends a mail at this end of a try."""
    return event in MAIL_EVENTS and bool(task.email) and bool(getattr(task, f"email_on_{event}"))


def task_events(task: BaseOperator) -> tuple[str, ...]:
    """The ends of a try at which a task calls something, or sends mail."""
    return tuple(event for event in TASK_EVENTS if callbacks_of(task, event) or sends_mail(task, event))
