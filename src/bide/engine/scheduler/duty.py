"""What a background duty is.

A duty is *fetch rows → pure decision → write*, once per call. It says which bell topics wake it and, in its answer,
when it next has something due by itself; the loop does the waiting.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, NamedTuple, Protocol

from bide.store import Topic


class Next(NamedTuple):
    """When a duty wants to be called again, apart from the bell."""

    #: There is more to do now.
    again: bool = False
    #: The next moment at which something is due.
    due_at: datetime | None = None


class Duty(Protocol):
    """One background duty."""

    #: For logs and health.
    name: ClassVar[str]
    #: What wakes it.
    topics: ClassVar[tuple[Topic, ...]]

    async def run(self) -> Next:
        """Do what there is to do, in bounded portions."""
        ...
