"""Runs the triggers of a run on the event loop of its engine, with the pool that trigger runners have."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from bide.authoring.runtime import current_runtime
from bide.authoring.start_trigger import BEGIN_IN_WORKER
from bide.authoring.trigger import BaseTrigger
from bide.control.accept_event import WaitEnding
from bide.control.arm_starts import ArmedStart
from bide.engine.triggerer.contract import TriggerControl
from bide.engine.triggerer.stored_events import answer_to, ending_of
from bide.model.clock import Clock
from bide.model.errors import Fenced
from bide.model.values import decode
from bide.observe.log import Sink, context_sink
from bide.runner.arming import build
from bide.runner.failures import described, one_line
from bide.runner.held_trigger import Held, build_trigger
from bide.runner.operator_kills import call_on_kill, path_to_kill
from bide.runner.questions import TriggerRuntime
from bide.runner.resolve import resolve_operator, resolve_trigger
from bide.runner.start_waits import make_first_wait
from bide.runner.trigger_pool import Tell, TriggerPool
from bide.store import Bell
from bide.testing.inline_task import InlineTasks
from bide.testing.loop import user_code
from bide.testing.output import Echo, TaskSink
from bide.testing.results import Witness
from bide.wire.messages import (
    AnyMessage,
    Defer,
    Frame,
    RunOnKill,
    RunTask,
    StartLoad,
    TriggerDropped,
    TriggerEnded,
    TriggerLoad,
)
from bide.wire.stream_messages import SaveCheckpoint

_log = logging.getLogger("bide.runner")

#: Waits, or cancels, that are taken at once.
_BATCH: Final = 500
#: Seconds that triggers get for their cleanup when the run is over.
_CLEANUP_LIMIT: Final = 5.0


class WitnessedPool(TriggerPool):
    """Keeps the exceptions of triggers."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, tell: Tell, witness: Witness, log_of: Callable[[TriggerLoad], Sink]
    ) -> None:
        super().__init__(loop, tell, log_of)
        self._witness = witness

    def fail(self, held: Held, error: BaseException) -> None:
        """Tell that `held` has failed."""
        self._witness.note_error(held.load.instance.id, error)
        super().fail(held, error)


class InlineTriggerer:
    """Claims waits, runs their triggers, stores what they end with; runs cancels of external work."""

    def __init__(
        self,
        control: TriggerControl,
        bell: Bell,
        clock: Clock,
        *,
        tasks: InlineTasks,
    ) -> None:
        self._control = control
        self._bell = bell
        self._clock = clock
        self._tasks_of_run = tasks
        self._witness = tasks.witness
        self._loop = asyncio.get_running_loop()
        self._pool = WitnessedPool(self._loop, self._tell, tasks.witness, self._log_of)
        self._held: set[str] = set()
        runtime = current_runtime()
        assert isinstance(runtime, TriggerRuntime)
        runtime.ask = partial(_ask_beside, control)
        self._cancelling = asyncio.Lock()
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._tasks.create_task(self._claim_forever())
                self._tasks.create_task(self._start_forever())
                self._tasks.create_task(self._drop_forever())
                self._tasks.create_task(self._cancel_forever())
        finally:
            with user_code():
                await self._pool.close(_CLEANUP_LIMIT)

    async def finish_cancels(self) -> None:
        """Run the cancels of external work that are due; returns when those that were begun before are done too."""
        async with self._cancelling:
            while due := await self._control.claim_obligations(_BATCH):
                for order in due:
                    await self._run_on_kill(order)

    async def _claim_forever(self) -> None:
        waits = self._bell.listen("waits")
        while True:
            loads = await self._control.claim_waits(_BATCH)
            for load in loads:
                self._arm(load)
            if len(loads) < _BATCH:
                await waits.wait()

    async def _start_forever(self) -> None:
        starts = self._bell.listen("starts")
        while True:
            loads = await self._control.claim_starts(_BATCH)
            for load in loads:
                self._spawn(self._make_start(load))
            if len(loads) < _BATCH:
                await starts.wait()

    async def _drop_forever(self) -> None:
        drops = self._bell.listen("drops")
        while True:
            await drops.wait()
            if not self._held:
                continue
            stored = await self._control.held_waits()
            for wait_id in self._held - stored:
                self._held.discard(wait_id)
                with user_code():
                    self._pool.drop(wait_id, tell=False)

    async def _cancel_forever(self) -> None:
        cancels = self._bell.listen("cancels")
        while True:
            await self.finish_cancels()
            due_at = await self._control.next_obligation()
            await cancels.wait(None if due_at is None else (due_at - self._clock.now()).total_seconds())

    # --- triggers -----------------------------------------------------------------------------------------------

    def _arm(self, load: TriggerLoad) -> None:
        self._held.add(load.wait_id)
        sink = self._log_of(load)
        try:
            with context_sink(sink), user_code():
                self._pool.add(Held(load, self._build(load)))
        except Exception as error:
            self._witness.note_error(load.instance.id, error)
            with context_sink(sink):
                _log.error("Trigger can't be started: %s", described(error))
            self._tell(TriggerEnded(load.wait_id, load.token, error=one_line(error)))

    def _log_of(self, load: TriggerLoad) -> Sink:
        return _TriggerLog(load, self._tasks_of_run.echo)

    def _build(self, load: TriggerLoad) -> BaseTrigger:
        cls = resolve_trigger(load.classpath, load.dag_file, lambda: self._tasks_of_run.loaded)
        return build_trigger(cls, load)

    def _tell(self, message: TriggerEnded | TriggerDropped | SaveCheckpoint) -> None:
        if isinstance(message, SaveCheckpoint):
            self._spawn(self._save(message))
        elif isinstance(message, TriggerEnded) and message.asks:
            self._spawn(self._store_and_answer(ending_of(message)))
        elif isinstance(message, TriggerEnded):
            self._held.discard(message.wait_id)
            self._spawn(self._store(ending_of(message)))

    async def _make_start(self, load: StartLoad) -> None:
        """Make the first wait of a task that starts from its trigger."""
        order = load.order
        try:
            defer = await asyncio.to_thread(self._first_wait, order)
            await self._control.arm_start(ArmedStart(load.wait_id, load.token, defer))
        except Fenced:
            _log.info("task %s has moved on before its first wait was made", order.instance.task_id)
        except Exception as error:
            self._witness.note_error(order.instance.id, error)
            with context_sink(self._tasks_of_run.sink(order.log_path, order.instance.task_id)):
                _log.error("Task failed: %s", described(error))
            await self._store(WaitEnding(load.wait_id, load.token, error=one_line(error)))

    def _first_wait(self, order: RunTask) -> Defer:
        tasks = self._tasks_of_run
        with context_sink(tasks.sink(order.log_path, order.instance.task_id)):
            defer = make_first_wait(order, tasks.loaded, self._clock, _Link(self._control, order, self._loop))
        if defer.method == BEGIN_IN_WORKER:
            return defer
        cls = resolve_trigger(defer.wait.classpath, order.dag_file, lambda: tasks.loaded)
        return tasks.take_deferral(order, defer, build(cls, decode(defer.wait.kwargs)))

    async def _store(self, ending: WaitEnding) -> None:
        await self._control.accept_many([ending])

    async def _store_and_answer(self, ending: WaitEnding) -> None:
        answer = await answer_to([ending], await self._control.accept_many([ending]), self._control)
        self._held.difference_update(answer.accepted)
        with user_code():
            self._pool.on_stored(answer)

    async def _save(self, order: SaveCheckpoint) -> None:
        await self._control.save_checkpoint(order)

    def _class_to_kill(self, load: TriggerLoad) -> type[Any]:
        path = path_to_kill(load)
        resolve = resolve_trigger if path.of == "trigger" else resolve_operator
        return resolve(path.path, load.dag_file, lambda: self._tasks_of_run.loaded)

    async def _run_on_kill(self, order: RunOnKill) -> None:
        error = ""
        sink = self._tasks_of_run.sink(order.load.log_path, order.load.instance.task_id)
        with context_sink(sink), user_code():
            try:
                # In a task of its own, so that time is told to pass for it as for any code of users.
                await asyncio.create_task(call_on_kill(self._class_to_kill(order.load), order.load))
            except Exception as failure:
                self._witness.note_error(order.load.instance.id, failure)
                _log.error("External work not cancelled: on_kill() failed: %s", described(failure))
                error = one_line(failure)
        await self._control.settle(order, error)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._tasks is not None
        self._tasks.create_task(work)


class _Link:
    """Asks on behalf of a task whose first wait is made (:class:`bide.runner.runtimes.EngineLink`)."""

    def __init__(self, control: TriggerControl, order: RunTask, loop: asyncio.AbstractEventLoop) -> None:
        self._control = control
        self._order = order
        self._loop = loop

    def request(self, body: AnyMessage) -> AnyMessage:
        """Ask and wait for the answer; not on the event loop."""
        frame = Frame(body, 1, self._order.instance.id, self._order.epoch)
        return asyncio.run_coroutine_threadsafe(_answer(self._control, frame), self._loop).result()


class _TriggerLog(TaskSink):
    """The log of a task; what writes there works for this trigger."""

    def __init__(self, load: TriggerLoad, echo: Echo | None) -> None:
        super().__init__(load.log_path, load.instance.task_id, echo)
        self.load = load


def _ask_beside(control: TriggerControl, body: AnyMessage, instance: str, epoch: int) -> AnyMessage:
    """Ask on behalf of a trigger, also in the middle of a coroutine: the answer comes in a thread of its own."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(_answer(control, Frame(body, 1, instance, epoch)))).result()


async def _answer(control: TriggerControl, frame: Frame) -> AnyMessage:
    return await control.answer(frame)
