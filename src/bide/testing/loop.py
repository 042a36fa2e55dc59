"""An event loop whose time jumps ahead while nothing happens but waiting."""

from __future__ import annotations

import asyncio
import concurrent.futures.thread
import contextvars
import selectors
import threading
from asyncio import futures
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final
from weakref import WeakSet

from bide.testing.clock import SkippingClock

#: What :func:`asyncio.sleep` has called when its time is over.
_WAKE: Final[Any] = getattr(futures, "_set_result_unless_cancelled")  # noqa: B009  # private, and all there is to tell by
_is_user_code: contextvars.ContextVar[bool] = contextvars.ContextVar("bide_is_user_code", default=False)


#: Threads for plain ``poll()`` methods; they start as they are needed.
_THREADS: Final = 64


class NothingHappens(Exception):
    """The loop would wait for ever, or for longer than it may."""


class _Selector(selectors.DefaultSelector):
    """Asks the loop before it waits."""

    def __init__(self) -> None:
        super().__init__()
        self.wait: Callable[[float | None], list[Any]] = self.select_now

    def select(self, timeout: float | None = None) -> list[Any]:
        """What is ready; waits as the loop says if nothing is."""
        ready = super().select(0)
        return ready if ready or (timeout is not None and timeout <= 0) else self.wait(timeout)

    def select_now(self, timeout: float | None) -> list[Any]:
        """Wait for real."""
        return super().select(timeout)


class SkippingLoop(asyncio.SelectorEventLoop):
    """Tells time by `clock`, and skips to its next timer when nothing is ready and nothing outside is under way.

    Under way is: what lies between :meth:`begin_work` and :meth:`end_work`, calls in threads, child processes; and
    where sockets or threads of others are open, any coroutine of user code that waits for something other than
    time, since that may be them.

    `stuck` is called in place of waiting when no timer is left, or the next one is more than `longest` seconds of
    skipped time away; it must make something happen. If it is of no use, :class:`NothingHappens` ends the loop.
    """

    def __init__(self, clock: SkippingClock, *, longest: float, stuck: Callable[[bool], None]) -> None:
        self._clock = clock
        self._events = _Selector()
        super().__init__(self._events)
        self._events.wait = self._wait
        #: Skipped time of the clock at which it is too much.
        self._longest = clock.skipped.total_seconds() + longest
        self._stuck: Callable[[bool], None] | None = stuck
        self._work = 0
        self._children: set[asyncio.SubprocessTransport] = set()
        self._sleeps: WeakSet[asyncio.Future[Any]] = WeakSet()
        self._user_tasks: WeakSet[asyncio.Task[Any]] = WeakSet()
        self._own_descriptors = len(self._events.get_map())
        self._own_threads = set(threading.enumerate())
        self.set_task_factory(self._make_task)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="bide-poll")
        self.set_default_executor(self._threads)

    def time(self) -> float:
        """Seconds of the clock."""
        return self._clock.monotonic()

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Without waiting for a call that hangs in its thread."""
        self._threads.shutdown(wait=False)

    # --- what is under way --------------------------------------------------------------------------------------

    def begin_work(self) -> None:
        """From now on time passes as it does outside, until :meth:`end_work`; calls add up."""
        self._work += 1

    def end_work(self) -> None:
        """One of those who began is done, or waits for nothing but time."""
        self._work -= 1

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """As any loop does; counted as work until it is done."""
        future = super().run_in_executor(executor, func, *args)
        self._work += 1
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _future: asyncio.Future[Any]) -> None:
        self._work -= 1

    async def subprocess_exec(self, *args: Any, **options: Any) -> Any:
        """As any loop does; the child is under way until it ends."""
        transport, protocol = await super().subprocess_exec(*args, **options)
        self._children.add(transport)
        return transport, protocol

    async def subprocess_shell(self, *args: Any, **options: Any) -> Any:
        """As any loop does; the child is under way until it ends."""
        transport, protocol = await super().subprocess_shell(*args, **options)
        self._children.add(transport)
        return transport, protocol

    def call_at(
        self, when: float, callback: Any, *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """As any loop does; notes what sleeps."""
        if callback is _WAKE:
            self._sleeps.add(args[0])
        return super().call_at(when, callback, *args, context=context)

    def _make_task(self, loop: Any, work: Any, **options: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(work, loop=self, **options)
        if _is_user_code.get():
            self._user_tasks.add(task)
        return task

    # --- waiting ------------------------------------------------------------------------------------------------

    def _wait(self, timeout: float | None) -> list[Any]:
        if self._is_under_way():
            return self._events.select_now(timeout)
        too_far = timeout is not None and self._clock.skipped.total_seconds() + timeout > self._longest
        if timeout is None or too_far:
            self._report(too_far)
        elif self._clock.skips:
            self._clock.skip(timeout)
        else:
            return self._events.select_now(timeout)
        return []

    def _report(self, too_far: bool) -> None:
        if self._stuck is None:
            raise NothingHappens("nothing can happen any more in this event loop")
        stuck, self._stuck = self._stuck, None
        self._longest = float("inf")
        stuck(too_far)

    def _is_under_way(self) -> bool:
        self._children = {one for one in self._children if one.get_returncode() is None}
        if self._work > 0 or self._children:
            return True
        if len(self._events.get_map()) <= self._own_descriptors and not self._has_foreign_threads():
            return False
        return not all(map(self._rests, self._user_tasks))

    def _rests(self, task: asyncio.Task[Any]) -> bool:
        """Whether a task waits for time, or for another task; or is over."""
        waiter: Any = getattr(task, "_fut_waiter", None)
        return (
            task.done()
            or waiter in self._sleeps
            or isinstance(waiter, asyncio.Task)
            or getattr(waiter, "_children", None) is not None  # asyncio.gather()
        )

    def _has_foreign_threads(self) -> bool:
        """Whether user code has started a thread that runs, apart from those that wait in a pool."""
        return any(
            thread not in self._own_threads
            and not thread.name.startswith("bide-")
            and getattr(thread, "_target", None) is not getattr(concurrent.futures.thread, "_worker", None)
            for thread in threading.enumerate()
        )


@contextmanager
def user_code() -> Generator[None]:
    """Tasks that are made inside, and those that they make, run code of users."""
    token = _is_user_code.set(True)
    try:
        yield
    finally:
        _is_user_code.reset(token)
