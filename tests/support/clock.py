"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

#: Where held clocks begin: a Monday, at noon.
START: Final = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class HeldClock:
    """:class:`bide.model.clock.Clock` under a test's control."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._monotonic = 0.0

    def now(self) -> datetime:
        """The moment at which the clock is held."""
        return self._now

    def monotonic(self) -> float:
        """Seconds that the clock was moved forward."""
        return self._monotonic

    def sleep(self, seconds: float) -> None:
        """Move the clock forward instead."""
        self.advance(seconds)

    def advance(self, seconds: float) -> datetime:
        """Move the clock forward; the answer is the new moment."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds
        return self._now

    def move_to(self, moment: datetime) -> None:
        """Set the clock to a later moment."""
        self.advance((moment - self._now).total_seconds())
