"""Task runners that call callbacks and listeners for endings that no worker saw.

They are apart from the executor: a task that ends by its trigger takes no slot, and neither do its callbacks. A
process serves one DAG file and calls one thing at a time; it goes when its file has nothing to call for a while.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import structlog

from bide.control import ending_callbacks, runner_requests
from bide.engine.task_log import TaskLog
from bide.engine.template import Runner, RunnerExit, Template, TemplateUnavailable
from bide.model.errors import StoreUnavailable
from bide.store import Store
from bide.wire.frames import ChannelClosed
from bide.wire.messages import CallbacksDone, Ok, RunCallbacks, StaleCode

log = structlog.get_logger("bide.callbacks")

#: Processes at once.
_MOST: Final = 4
#: Seconds that a process waits for something else to call.
_LINGER: Final = 5.0
#: Seconds after which a process is killed that does not get done; the runner itself gives up a little earlier.
_LIMIT: Final = 630.0
#: Seconds before the store, or the template process, is asked again.
_PAUSE: Final = 0.5


class CallbackRunners:
    """Calls what it is given, at least once each. For one event loop."""

    def __init__(self, template: Template, store: Store, session: str, task_log: TaskLog) -> None:
        self._template = template
        self._store = store
        self._task_log = task_log
        self._labels = (f"call-{session[-12:]}-{number}" for number in itertools.count(1))
        self._room = asyncio.Semaphore(_MOST)
        self._queues: dict[str, asyncio.Queue[RunCallbacks]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._runners: dict[str, Runner] = {}

    def submit(self, orders: Sequence[RunCallbacks]) -> None:
        """Take over `orders`, which are leased; returns at once."""
        for order in orders:
            file = order.order.dag_file
            if file not in self._queues:
                self._queues[file] = asyncio.Queue()
                task = asyncio.create_task(self._serve(file), name=f"callbacks of {file}")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            self._queues[file].put_nowait(order)

    def pids(self) -> list[int]:
        """Process ids."""
        return [runner.pid for runner in self._runners.values()]

    async def stop(self) -> None:
        """End all processes; what they have not called is called by the next engine."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, file: str) -> None:
        queue = self._queues[file]
        try:
            async with self._room:
                while True:
                    try:
                        async with asyncio.timeout(_LINGER):
                            order = await queue.get()
                    except TimeoutError:
                        return
                    await self._call(order)
        finally:
            del self._queues[file]
            await self._end(file)

    async def _call(self, order: RunCallbacks) -> None:
        """Call one thing, in a fresh process if the last one is gone or has old code."""
        file = order.order.dag_file
        while True:
            try:
                runner = self._runners.get(file) or await self._fork(file)
                async with asyncio.timeout(_LIMIT):
                    if await self._converse(runner, order):
                        return
            except TemplateUnavailable as error:
                log.error("callbacks_wait_for_process", error=str(error))
                await asyncio.sleep(_PAUSE)
            except (ChannelClosed, TimeoutError) as error:
                how = await self._end(file)
                await self._note_death(order, f"the process that called callbacks {how or error}")
                return
            else:
                await self._end(file)

    async def _converse(self, runner: Runner, order: RunCallbacks) -> bool:
        """Send the order and answer what is asked until it is done; False if the process has old code."""
        instance = order.order.instance.id
        runner.channel.send(order, instance=instance, epoch=order.order.epoch)
        while True:
            frame = await runner.channel.receive()
            if isinstance(frame.body, StaleCode):
                return False
            if isinstance(frame.body, CallbacksDone):
                await self._insist_settled(order.request_id, frame.body.failures)
                runner.channel.send(Ok(), request=frame.request)
                return True
            runner.channel.send(await runner_requests.answer(self._store, frame), request=frame.request)

    async def _fork(self, file: str) -> Runner:
        runner = self._runners[file] = await self._template.fork("task", next(self._labels))
        return runner

    async def _end(self, file: str) -> RunnerExit | None:
        runner = self._runners.pop(file, None)
        if runner is None:
            return None
        runner.channel.close()
        return await runner.end(1.0)

    async def _note_death(self, order: RunCallbacks, how: str) -> None:
        given_up = order.attempt >= ending_callbacks.MOST_ATTEMPTS
        then = "they are not called again" if given_up else "they are called again"
        text = f"{how}; {then} (attempt {order.attempt} of {ending_callbacks.MOST_ATTEMPTS})"
        log.error("callbacks_died", task=order.order.instance.task_id, error=text)
        await self._task_log.append({order.order.instance.id: text})
        if given_up:
            await self._insist_settled(order.request_id, (text,))
        else:
            with suppress(StoreUnavailable):  # else the next engine finds it leased to one that is gone
                await ending_callbacks.postpone_callbacks(self._store, order.request_id, order.attempt)

    async def _insist_settled(self, request_id: str, failures: Sequence[str]) -> None:
        while True:
            try:
                await ending_callbacks.settle_callbacks(self._store, request_id, failures)
                return
            except StoreUnavailable as error:
                log.warning("callbacks_not_settled", error=str(error), retry_in=_PAUSE)
                await asyncio.sleep(_PAUSE)
