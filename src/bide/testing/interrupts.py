"""Ending a task that runs in a thread of somebody else's process, whose signals are not ours."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from bide.model.errors import TaskTimeout
from bide.runner.interrupts import Interrupts
from bide.runner.thread_exceptions import raise_in


class InlineInterrupts(Interrupts):
    """Interrupts the thread that makes it, at a deadline or when another thread says so.

    In the main thread the exception comes with a SIGALRM of our own, so that it also ends a blocking call; an alarm
    that somebody else has set goes to them. In any other thread it is raised when Python code runs there next.
    """

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()
        self._in_main = threading.current_thread() is threading.main_thread()
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        #: What the next alarm is for, if it is ours.
        self._due: BaseException | None = None
        self._others: Any = None

    @contextmanager
    def running(self, *, on_kill: Callable[[], None], seconds: float | None, timeout_text: str) -> Generator[None]:
        """As in a worker."""
        if self._in_main:
            self._others = signal.signal(signal.SIGALRM, self._on_alarm)
        try:
            with super().running(on_kill=on_kill, seconds=seconds, timeout_text=timeout_text):
                yield
        finally:
            if self._in_main:
                signal.signal(signal.SIGALRM, self._others)

    def expire(self) -> None:
        """The deadline has come while the task slept, in this thread."""
        self._interrupt(TaskTimeout(self._deadline_text))

    def raise_in_task(self, error: BaseException) -> None:
        """Call the operator's ``on_kill`` and raise `error` in the thread of the task; called in another one."""
        with self._lock:
            if not self.is_running or self.delivered is not None:
                return
            if self._in_main:
                self._due = error
                signal.pthread_kill(self._thread, signal.SIGALRM)
                return
            self.delivered = error
        self._on_kill()
        with self._lock:
            if self.is_running:
                raise_in(self._thread, error)

    def _on_alarm(self, number: int, frame: FrameType | None) -> None:
        due, self._due = self._due, None
        if due is not None:
            self._interrupt(due)
        elif callable(self._others):
            self._others(number, frame)

    def _set_timer(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self.raise_in_task, [TaskTimeout(self._deadline_text)])
        self._timer.name = "bide-deadline"
        self._timer.daemon = True
        self._timer.start()

    def _clear_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        with self._lock:
            if self.delivered is not None and not self._in_main:
                # What has not come yet must not come later; `delivered` tells of it.
                raise_in(self._thread, None)
