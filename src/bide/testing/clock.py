"""Clocks for runs in tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import ClassVar


class SkippingClock:
    """Runs like the machine's clock, and jumps ahead while nothing happens but waiting.

    `start` is the moment at which it begins: now if it is None. The moments of the run are told from it: those in
    the context of tasks, due times, deadlines, intervals of polls, pauses of sensors. Code that asks
    ``datetime.now()`` or ``time.time()`` is told the machine's time; code that should live in the run's time asks
    a clock that it was given, which this one can be.
    """

    #: Whether waiting is skipped.
    skips: ClassVar[bool] = True

    def __init__(self, start: datetime | None = None) -> None:
        if start is not None and start.tzinfo is None:
            start = start.replace(tzinfo=UTC)
        self._start = start or datetime.now(UTC)
        self._began = time.monotonic()
        self._skipped = 0.0
        self._sleep: Callable[[float], None] | None = None

    def now(self) -> datetime:
        """The current moment in UTC."""
        return self._start.astimezone(UTC) + timedelta(seconds=self.monotonic() - self._began)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic() + self._skipped

    def sleep(self, seconds: float) -> None:
        """Let so much time go by. In a run others go on meanwhile, and it is skipped if nothing else happens.

        Outside of a run it is skipped at once.
        """
        if self._sleep is not None:
            self._sleep(seconds)
        elif self.skips:
            self.skip(seconds)
        else:
            time.sleep(seconds)

    def skip(self, seconds: float) -> None:
        """Jump ahead."""
        self._skipped += max(0.0, seconds)

    @property
    def skipped(self) -> timedelta:
        """How much time was skipped so far."""
        return timedelta(seconds=self._skipped)

    def attach(self, sleep: Callable[[float], None] | None) -> None:
        """Let `sleep` do what :meth:`sleep` is asked to, while a run has this clock; None at its end."""
        self._sleep = sleep


class RealClock(SkippingClock):
    """Never jumps: a wait of an hour takes an hour. For runs that talk to real services."""

    skips = False
