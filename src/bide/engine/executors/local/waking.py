"""Calls a function soon, or at some moment, however often that is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Waker:
    """Calls `work` on the running event loop."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._loop = asyncio.get_running_loop()
        self._is_due = False
        self._later: asyncio.TimerHandle | None = None

    def soon(self) -> None:
        """In the next turn of the loop: once for all that happens in this one."""
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._call)

    def soon_from_any_thread(self) -> None:
        """As :meth:`soon`; nothing if the loop is closed."""
        try:
            self._loop.call_soon_threadsafe(self.soon)
        except RuntimeError:
            return

    def later(self, pause: float) -> None:
        """In `pause` seconds, unless an earlier moment was asked for."""
        when = self._loop.time() + max(0.0, pause)
        if self._later is not None:
            if self._loop.time() < self._later.when() <= when:
                return
            self._later.cancel()
        self._later = self._loop.call_at(when, self.soon)

    def close(self) -> None:
        """No more at moments asked for."""
        if self._later is not None:
            self._later.cancel()

    def _call(self) -> None:
        self._is_due = False
        self._work()
