"""Triggers that run in a thread with an event loop of their own, so that one that blocks holds up nobody."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import threading
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any

from bide.runner.failures import described

_log = logging.getLogger("bide.runner")

#: What runs in a thread's loop.
Work = Callable[[], Coroutine[Any, Any, None]]


class TriggerThreads:
    """At most `limit` threads, one for each piece of work."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: int) -> None:
        """`loop` is the one that asks for it."""
        self._loop = loop
        self.limit = limit
        self._used = 0
        self._numbers = itertools.count(1)

    def take(self) -> bool:
        """Whether there was a thread left for one more :meth:`run`, which is to follow."""
        if self._used == self.limit:
            return False
        self._used += 1
        return True

    def give_back(self) -> None:
        """What was taken is not used any more."""
        self._used -= 1

    async def run(self, work: Work) -> None:
        """Await ``work()`` in a thread of its own. Cancelling this cancels it there, and then waits for its end."""
        thread = _LoopThread(self._loop, work, f"quarantine-{next(self._numbers)}")
        while not thread.over.done():
            try:
                await asyncio.wait([thread.over])
            except asyncio.CancelledError:
                thread.cancel()


class _LoopThread:
    def __init__(self, home: asyncio.AbstractEventLoop, work: Work, name: str) -> None:
        #: Done, in the loop that asked, when the thread has ended.
        self.over: asyncio.Future[None] = home.create_future()
        self._home = home
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(work())
        # A daemon: one that blocks for ever must not keep the process from ending.
        threading.Thread(target=copy_context().run, args=(self._run,), name=name, daemon=True).start()

    def cancel(self) -> None:
        """Cancel the work, as soon as it lets its loop turn."""
        with contextlib.suppress(RuntimeError):  # it has just ended
            self._loop.call_soon_threadsafe(self._task.cancel)

    def _run(self) -> None:
        try:
            run_to_its_end(self._loop, self._task)
            _let_go(self._loop)
        except BaseException as error:
            if not self._task.cancelled():
                _log.error("the thread of a trigger has failed: %s", described(error))
        finally:
            self._loop.close()
            with contextlib.suppress(RuntimeError):  # the process ends
                self._home.call_soon_threadsafe(self._set_over)

    def _set_over(self) -> None:
        if not self.over.done():
            self.over.set_result(None)


def run_to_its_end(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    """Run `loop` until `task` is done, whoever else stops it."""
    while not task.done():
        try:
            loop.run_until_complete(task)
        except BaseException as error:
            if task.done():
                raise
            # sys.exit() in a task or callback of a trigger, or loop.stop(): the loop can go on where it was.
            _log.error("code of a trigger has stopped the event loop, which goes on: %s", described(error))


def _let_go(loop: asyncio.AbstractEventLoop) -> None:
    """End what the work has left in its loop."""
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.run_until_complete(loop.shutdown_asyncgens())
