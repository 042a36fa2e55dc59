"""Calls what endings without a worker ask for, in the threads in which tasks run inline."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bide.control.ending_callbacks import settle_callbacks
from bide.observe.log import context_sink, process_sink
from bide.runner.callbacks import call_all, ending_told
from bide.runner.resolve import live_classes
from bide.runner.runtimes import TaskLink
from bide.runner.task_run import TaskRun
from bide.store import Store
from bide.testing.executor import InlineExecutor, InlineLine, Running
from bide.testing.inline_task import InlineHost, InlineTasks
from bide.testing.interrupts import InlineInterrupts
from bide.wire.messages import RunCallbacks


class InlineCallbacks:
    """Takes what the duty ``run_callbacks`` hands out; for one event loop."""

    def __init__(self, store: Store, executor: InlineExecutor, tasks: InlineTasks) -> None:
        self._store = store
        self._executor = executor
        self._inline = tasks
        self._calling: set[asyncio.Task[None]] = set()

    def submit(self, orders: Sequence[RunCallbacks]) -> None:
        """Call each of `orders` when no task runs."""
        for order in orders:
            task = asyncio.create_task(self._call(order))
            self._calling.add(task)
            task.add_done_callback(self._calling.discard)

    async def stop(self) -> None:
        """Leave out what was not called: the run was broken off."""
        for task in self._calling:
            task.cancel()
        await asyncio.gather(*self._calling, return_exceptions=True)

    async def _call(self, order: RunCallbacks) -> None:
        failures = await self._executor.lend(lambda: self._call_here(order))
        await settle_callbacks(self._store, order.request_id, failures)

    def _call_here(self, order: RunCallbacks) -> tuple[str, ...]:
        names = order.order.instance
        interrupts = InlineInterrupts()
        line = InlineLine(self._executor, Running(order.order))
        link = TaskLink(line, order.order, interrupts)
        run = TaskRun(order.order, link, InlineHost(self._inline), interrupts, self._inline.clock)
        sink = self._inline.sink(order.order.log_path, names.task_id)
        with interrupts.task(), live_classes(), process_sink(sink), context_sink(sink):
            failures = call_all(run, ending_told(order))
            self._inline.finish_lines()
        return failures
