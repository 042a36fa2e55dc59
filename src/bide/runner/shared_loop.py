"""The event loop that the coroutines of many tasks share, and who in it belongs to whom."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any, Final, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from bide.authoring.calling import awaiting_by
from bide.runner.shared_interrupts import SharedInterrupts
from bide.runner.task_run import TaskRun

P = ParamSpec("P")
R = TypeVar("R")

#: Threads for ``asyncio.to_thread`` of all tasks; they start as they are needed.
_THREADS: Final = 64

#: Whose coroutine runs.
_owner: ContextVar[TaskRun | None] = ContextVar("bide_shared_task", default=None)


@dataclass(slots=True)
class _Awaited:
    """What a coroutine has come to."""

    over: threading.Event = field(default_factory=threading.Event)
    result: Any = None
    error: BaseException | None = None


class SharedLoop:
    """Awaits coroutines for other threads, one for each task."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._owners: WeakKeyDictionary[asyncio.Future[Any], TaskRun] = WeakKeyDictionary()
        loop.set_task_factory(self._make)
        loop.set_default_executor(_ThreadsInContext(_THREADS, thread_name_prefix="bide-shared"))

    def wait_for(self, run: TaskRun, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Await `coroutine` in the loop on behalf of `run`, whose thread calls this; its result, or what it raises.

        Tasks of the loop that it has started and left are cancelled, as at the end of :func:`asyncio.run`.
        """
        awaited = _Awaited()
        context = copy_context()
        self.loop.call_soon_threadsafe(
            lambda: self.loop.create_task(self._await(run, coroutine, awaited), context=context)
        )
        awaited.over.wait()
        if awaited.error is None:
            return awaited.result
        stopped = run.interrupts.delivered
        if stopped is not None and isinstance(awaited.error, asyncio.CancelledError):
            raise stopped
        raise awaited.error

    def running(self) -> TaskRun | None:
        """Whose coroutine the loop runs now; may be asked by any thread."""
        task = asyncio.current_task(self.loop)
        return None if task is None else self._owners.get(task)

    async def _await(self, run: TaskRun, coroutine: Coroutine[Any, Any, Any], awaited: _Awaited) -> None:
        me = asyncio.current_task()
        assert me is not None
        assert isinstance(run.interrupts, SharedInterrupts)
        _owner.set(run)
        self._owners[me] = run
        try:
            try:
                # A coroutine that runs others by itself is on its own.
                with run.interrupts.awaiting(me), awaiting_by(None):
                    awaited.result = await coroutine
            except BaseException as error:
                # Whatever it is: it ends this task and not the loop.
                awaited.error = error
            await self._clear_up(run, me)
        finally:
            awaited.over.set()

    async def _clear_up(self, run: TaskRun, me: asyncio.Task[Any]) -> None:
        left = [one for one in asyncio.all_tasks() if one is not me and self._owners.get(one) is run]
        for one in left:
            one.cancel()
        if left:
            await asyncio.wait(left)

    def _make(self, loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(work, loop=loop, **options)
        owner = _owner.get()
        if owner is not None:
            self._owners[task] = owner
        return task


class _ThreadsInContext(ThreadPoolExecutor):
    """Threads that know whose work they do, so that its lines reach its log."""

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        return super().submit(copy_context().run, fn, *args, **kwargs)  # pyright: ignore[reportArgumentType]
