"""A limit in time for a part of a task."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

from bide.authoring.logged import LoggingMixin
from bide.model.errors import TaskTimeout


class timeout(LoggingMixin):  # the name that operators of the field import
    """``with timeout(seconds=30):`` raises :class:`~bide.model.errors.TaskTimeout` inside when they are over.

    It works in the main thread, where tasks run; elsewhere it says so in the log and limits nothing. A limit around
    it, such as the task's ``execution_timeout``, holds on, and comes when it is due.
    """

    def __init__(self, seconds: float = 1, error_message: str = "Timeout") -> None:
        super().__init__()
        self.seconds = seconds
        self.error_message = f"{error_message}: {seconds} s are over"
        self._before: tuple[Any, float, float] | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            self.log.warning("timeout(%s) limits nothing here: this is not the main thread", self.seconds)
            return self
        handler = signal.signal(signal.SIGALRM, self._stop)
        self._before = (handler, *signal.setitimer(signal.ITIMER_REAL, self.seconds))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is None:
            return
        handler, rest, interval = self._before
        left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if rest:
            # What was left of the limit around this one, less what has passed; it may be due at once.
            signal.setitimer(signal.ITIMER_REAL, max(rest - (self.seconds - left), 0.001), interval)

    def _stop(self, signum: int, frame: FrameType | None) -> None:
        raise TaskTimeout(self.error_message)
