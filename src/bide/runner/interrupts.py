"""Signals that end a task: SIGTERM from its supervisor, and SIGALRM at its deadline."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from enum import Enum, auto
from types import FrameType
from typing import Final

from bide.model.errors import TaskTimeout

#: Seconds; a timer can't be set to nothing or less.
_AT_ONCE: Final = 1e-6
#: Seconds after which the deadline's signal is repeated, in case that it was not seen.
_AGAIN: Final = 1.0


class TaskKilled(BaseException):
    """The supervisor wants the task to end. No ``except Exception`` holds it up."""


class TaskFenced(BaseException):
    """The instance has moved on: what this process does no longer counts."""


class _Mode(Enum):
    #: No task: SIGTERM ends the process.
    IDLE = auto()
    #: The task's code runs: a signal calls ``on_kill`` and raises in it.
    RUNNING = auto()
    #: The runner is at work for a task: signals are only noted.
    REPORTING = auto()


class Interrupts:
    """Turns signals into exceptions in the main thread, where and when the task's code can take them.

    The operator's ``on_kill`` is called first, from the signal handler: code that waits for what ``on_kill`` stops
    (a child process in a ``with`` block) could not be left otherwise.
    """

    def __init__(self) -> None:
        self._mode = _Mode.IDLE
        self._shields = 0
        self._pending: BaseException | None = None
        self._on_kill: Callable[[], None] = _nothing
        self._deadline_text = ""
        self._registered = False
        #: What was raised in the current task, even if its code has swallowed it.
        self.delivered: BaseException | None = None
        #: Whether SIGTERM has ever come: this process should not take another task.
        self.terminated = False

    def install(self) -> None:
        """Handle the signals of this process from now on; to be called in the main thread."""
        signal.signal(signal.SIGTERM, self._on_sigterm)
        signal.signal(signal.SIGALRM, self._on_sigalrm)
        if not self._registered:
            os.register_at_fork(after_in_child=self._leave_to_child)
            self._registered = True

    @contextmanager
    def task(self) -> Generator[None]:
        """A task is dealt with; its code may not run yet, or no more."""
        self._mode = _Mode.REPORTING
        self._pending = self.delivered = None
        try:
            yield
        finally:
            self._mode = _Mode.IDLE

    @contextmanager
    def running(self, *, on_kill: Callable[[], None], seconds: float | None, timeout_text: str) -> Generator[None]:
        """The task's code runs inside and may be interrupted: by SIGTERM, and after `seconds` by a timeout.

        What was noted before is raised at once.
        """
        self._on_kill = on_kill
        self._deadline_text = timeout_text
        self._mode = _Mode.RUNNING
        try:
            if seconds is not None:
                self._set_timer(max(seconds, _AT_ONCE))
            if self.terminated:
                self._interrupt(TaskKilled("killed before it began"))
            yield
        finally:
            self._mode = _Mode.REPORTING
            self._clear_timer()
            self._on_kill = _nothing

    @property
    def is_running(self) -> bool:
        """Whether the task's code runs and may be interrupted."""
        return self._mode is _Mode.RUNNING

    def _set_timer(self, seconds: float) -> None:
        # Again and again: a signal that comes just before a call that blocks is seen only behind it.
        signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)

    def _clear_timer(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)

    @contextmanager
    def shielded(self) -> Generator[None]:
        """Interrupts wait until the end of this block, so that no message is cut in two."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1
            if self._pending is not None and not self._shields and self._mode is _Mode.RUNNING:
                self._deliver(self._pending)

    @contextmanager
    def forwarded_to(self, pid: int) -> Generator[None]:
        """The task runs in the child `pid`: it gets SIGTERM, this process notes it and goes on."""

        def forward(number: int, frame: FrameType | None) -> None:
            self.terminated = True
            os.kill(pid, signal.SIGTERM)

        # The child has a timer of its own.
        signal.setitimer(signal.ITIMER_REAL, 0)
        before = signal.signal(signal.SIGTERM, forward)
        try:
            if self.terminated:
                os.kill(pid, signal.SIGTERM)
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def _leave_to_child(self) -> None:
        """A process that the task's code has forked must not cancel what its parent still waits for.

        The handler is taken off at the fork, and not when a signal comes: one that comes just before a blocking
        call would only be seen after it.
        """
        if signal.getsignal(signal.SIGTERM) == self._on_sigterm:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _on_sigterm(self, number: int, frame: FrameType | None) -> None:
        self.terminated = True
        if self._mode is _Mode.IDLE:
            raise SystemExit(0)
        self._interrupt(TaskKilled("killed by its supervisor (SIGTERM)"))

    def _on_sigalrm(self, number: int, frame: FrameType | None) -> None:
        self._interrupt(TaskTimeout(self._deadline_text))

    def _interrupt(self, error: BaseException) -> None:
        if self._mode is not _Mode.RUNNING or self.delivered is not None:
            return
        if self._shields:
            self._pending = self._pending or error
            return
        self._deliver(error)

    def _deliver(self, error: BaseException) -> None:
        self._pending = None
        self.delivered = error
        self._on_kill()
        raise error


def _nothing() -> None:
    """There is nothing to kill."""
