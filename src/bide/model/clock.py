"""The clock that code is given instead of reading one."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time; injected, so that tests can hold or skip it."""

    def now(self) -> datetime:
        """The current moment, in UTC and with its time zone."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, for measuring spans."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let so much time go by in this thread. Not for event loops."""
        ...
