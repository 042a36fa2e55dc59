"""The tries of a task instance, told from the states that it entered."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from bide.model.states import FINISHED, TaskState

#: How the history says who runs a task.
WORKER_ON: Final = "worker on "
#: States in which a try is over.
_OVER: Final = FINISHED | {TaskState.UP_FOR_RETRY}


class Entered(Protocol):
    """A state that was entered."""

    @property
    def state(self) -> str:
        """Which one."""
        ...

    @property
    def at(self) -> datetime:
        """When."""
        ...

    @property
    def by(self) -> str:
        """Who did it."""
        ...

    @property
    def error(self) -> str:
        """Why, if that was an error."""
        ...


class Try(NamedTuple):
    """One try."""

    number: int
    #: That in which it ended, or is.
    state: TaskState
    #: When its code, or its first wait, began.
    start: datetime | None = None
    end: datetime | None = None
    #: Where it ran last.
    host: str | None = None
    #: One line: why it failed; empty if it has not.
    error: str = ""

    @property
    def seconds(self) -> float | None:
        """From its start to its end."""
        return None if self.start is None or self.end is None else (self.end - self.start).total_seconds()


def tries_of(events: Iterable[Entered]) -> list[Try]:
    """All tries, the first one first. A try that was cleared, or marked before it had ended, ends with that."""
    found: list[Try] = []
    is_open = False
    for event in events:
        state = TaskState(event.state)
        if state is TaskState.NONE:
            if is_open:
                found[-1] = found[-1]._replace(end=event.at)
            is_open = False
        elif state in _OVER:
            if is_open:
                found[-1] = found[-1]._replace(state=state, end=event.at, error=event.error)
            elif found:
                found[-1] = found[-1]._replace(state=state)  # marked afterwards
            is_open = False
        else:
            if not is_open:
                found.append(Try(len(found) + 1, state))
                is_open = True
            found[-1] = _gone_on(found[-1], state, event)
    return found


def _gone_on(one: Try, state: TaskState, event: Entered) -> Try:
    one = one._replace(state=state)
    if one.start is None and state in (TaskState.RUNNING, TaskState.DEFERRED):
        one = one._replace(start=event.at)
    if state is TaskState.RUNNING and event.by.startswith(WORKER_ON):
        one = one._replace(host=event.by.removeprefix(WORKER_ON))
    return one
