"""The server's clock, told between two looks at it."""

from __future__ import annotations

from datetime import datetime, timedelta

from bide.model.clock import Clock


class ServerClock:
    """A :class:`~bide.model.clock.Clock` that goes as the local one does and is set by each answer of the
    server."""

    def __init__(self, local: Clock) -> None:
        self._local = local
        self._ahead = timedelta()

    def set(self, moment: datetime, asked: float) -> None:
        """The server said `moment`, having been asked at the monotonic second `asked`."""
        travelled = timedelta(seconds=(self._local.monotonic() - asked) / 2)
        self._ahead = moment + travelled - self._local.now()

    def now(self) -> datetime:
        """The current moment on the server, as far as known."""
        return self._local.now() + self._ahead

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return self._local.monotonic()

    def sleep(self, seconds: float) -> None:
        """Sleep."""
        self._local.sleep(seconds)
