"""Ending one of many tasks of a process, whose signals are nobody's own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import Context, copy_context

from bide.model.clock import Clock
from bide.model.errors import TaskTimeout
from bide.runner.interrupts import Interrupts, TaskKilled
from bide.runner.thread_exceptions import raise_in


class SharedInterrupts(Interrupts):
    """Of one task: what it awaits in the shared loop is cancelled; in its own thread an exception is raised.

    A deadline is noted, for whoever watches all tasks of the process to compare.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock) -> None:
        super().__init__()
        self._loop = loop
        self._clock = clock
        self._lock = threading.RLock()
        self._thread = 0
        self._inside: Context | None = None
        #: What it waits for in the loop.
        self._awaited: asyncio.Task[None] | None = None
        self._due_at: float | None = None

    @contextmanager
    def running(self, *, on_kill: Callable[[], None], seconds: float | None, timeout_text: str) -> Generator[None]:
        """As in a worker with one task, in the thread that calls this."""
        self._thread = threading.get_ident()
        self._inside = copy_context()
        with super().running(on_kill=on_kill, seconds=seconds, timeout_text=timeout_text):
            yield

    @contextmanager
    def awaiting(self, task: asyncio.Task[None]) -> Generator[None]:
        """Called in the loop: an interrupt cancels `task` from now on, and at once if it has come already."""
        with self._lock:
            self._awaited = task
            if self.delivered is not None and self.is_running:
                task.cancel()
        try:
            yield
        finally:
            with self._lock:
                self._awaited = None

    def check_deadline(self) -> None:
        """Interrupt the task if its time is over; called in another thread, every now and then."""
        due_at = self._due_at
        if due_at is not None and self._clock.monotonic() >= due_at:
            self.interrupt(TaskTimeout(self._deadline_text))

    def kill(self) -> None:
        """The engine wants the task to end; called in another thread."""
        self.interrupt(TaskKilled("killed by its supervisor"))

    def interrupt(self, error: BaseException) -> None:
        """Call ``on_kill``, then end what the task does; called in another thread, returns at once."""
        with self._lock:
            self.terminated = self.terminated or isinstance(error, TaskKilled)
            if not self.is_running or self.delivered is not None or self._inside is None:
                return
            self.delivered = error
            inside = self._inside
        name = f"kill-{self._thread}"
        threading.Thread(target=inside.run, args=(self._end, error), name=name, daemon=True).start()

    def blocks_for(self, error: BaseException | None) -> bool:
        """Whether its coroutine may be left by `error` where it stands; called in the loop's thread."""
        return error is not None and self.is_running and not self._shields

    @contextmanager
    def shielded(self) -> Generator[None]:
        """As in a worker, in whatever thread speaks for the task."""
        with self._lock:
            self._shields += 1
        try:
            yield
        finally:
            with self._lock:
                self._shields -= 1
                pending = None if self._shields else self._pending
                if pending is not None:
                    self._pending = None
            if pending is not None and self.is_running:
                raise pending

    def _end(self, error: BaseException) -> None:
        self._on_kill()
        with self._lock:
            if not self.is_running:
                return
            if self._awaited is not None:
                with contextlib.suppress(RuntimeError):  # the process ends
                    self._loop.call_soon_threadsafe(self._awaited.cancel)
            elif self._shields:
                self._pending = error
            else:
                raise_in(self._thread, error)

    def _set_timer(self, seconds: float) -> None:
        self._due_at = self._clock.monotonic() + seconds

    def _clear_timer(self) -> None:
        self._due_at = None
        with self._lock:
            if self.delivered is not None:
                # What has not come yet must not come later; `delivered` tells of it.
                raise_in(self._thread, None)
