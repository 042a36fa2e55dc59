"""Makes the first waits of tasks that start from their trigger.

That takes the code of their DAG file: constructors, templates, results of other tasks. It may block, so it runs in
threads of its own and asks the engine over the loop's channel.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec

from bide.authoring.context import use_context
from bide.authoring.deferral import TaskDeferred
from bide.authoring.loading import LoadedFile
from bide.authoring.runtime import use_runtime
from bide.authoring.start_trigger import BEGIN_IN_WORKER
from bide.model.clock import Clock
from bide.observe.log import PathSink, context_sink
from bide.runner.arming import arm, says
from bide.runner.failures import described, one_line
from bide.runner.first_wait import first_wait
from bide.runner.importing import Importer
from bide.runner.questions import Questions
from bide.runner.runtimes import EngineLink, TaskRuntime
from bide.runner.task_context import context_of, find_task, of_instance
from bide.standard.triggers.temporal import TimeDeltaTrigger
from bide.wire.messages import AnyMessage, Defer, RunTask, StartArmed, StartLoad, TriggerEnded

_log = logging.getLogger("bide.runner")

#: Tasks whose waits are made at the same time, so that one that blocks does not hold up all others.
_THREADS: Final = 16


class StartWaits:
    """What is being made, by the id of the wait that stands for it. Lives in the event loop."""

    def __init__(self, questions: Questions, clock: Clock, importer: Importer) -> None:
        self._questions = questions
        self._clock = clock
        self._importer = importer
        self._loop = asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="start")
        self._starts: dict[str, StartLoad] = {}

    def __len__(self) -> int:
        return len(self._starts)

    def drop(self, wait_id: str) -> None:
        """Nobody wants it any more; what its code does meanwhile is of no consequence."""
        self._starts.pop(wait_id, None)

    def makes(self, start: StartLoad) -> bool:
        """Whether this is still to be made."""
        return self._starts.get(start.wait_id) is start

    def drop_all(self) -> list[str]:
        """As :meth:`drop` for all; their ids."""
        dropped, self._starts = list(self._starts), {}
        return dropped

    async def make(self, starts: Sequence[StartLoad], tell: Callable[[AnyMessage], None]) -> None:
        """Make these waits, and `tell` of each as soon as it is known."""
        for start in starts:
            held = self._starts.get(start.wait_id)
            if held is None or held.token < start.token:
                self._starts[start.wait_id] = start
        files: dict[tuple[str, str], list[StartLoad]] = {}
        for start in starts:
            files.setdefault((start.order.dag_file, start.order.dag_folder), []).append(start)
        for (file, folder), members in files.items():
            loaded = await self._importer.load_file(file, folder)
            await asyncio.gather(*(self._make(start, loaded, tell) for start in members))

    async def _make(self, start: StartLoad, loaded: LoadedFile, tell: Callable[[AnyMessage], None]) -> None:
        if self._starts.get(start.wait_id) is not start:
            return
        answer = await self._loop.run_in_executor(self._threads, self._answer, start, loaded)
        if self._starts.get(start.wait_id) is start:
            del self._starts[start.wait_id]
            tell(answer)

    def _answer(self, start: StartLoad, loaded: LoadedFile) -> StartArmed | TriggerEnded:
        with context_sink(PathSink(start.order.log_path)):
            try:
                return StartArmed(
                    start.wait_id,
                    start.token,
                    make_first_wait(start.order, loaded, self._clock, _LoopLink(self._questions, start.order)),
                )
            except BaseException as error:
                # Whatever it is, it ends this task alone.
                _log.error("Task failed: %s", described(error))
                return TriggerEnded(start.wait_id, start.token, error=one_line(error))


class _LoopLink:
    """Asks on behalf of one instance (:class:`bide.runner.runtimes.EngineLink`)."""

    def __init__(self, questions: Questions, order: RunTask) -> None:
        self._questions = questions
        self._order = order

    def request(self, body: AnyMessage) -> AnyMessage:
        """Ask and wait for the answer."""
        return self._questions.ask_now(body, self._order.instance.id, self._order.epoch)


def make_first_wait(order: RunTask, loaded: LoadedFile, clock: Clock, link: EngineLink) -> Defer:
    """What to tell the engine that this task waits for; raises whatever user code raises."""
    names = order.instance
    _log.info(
        "Task %s.%s in run %s, try %d of %d, starts from its trigger, made in process %d",
        names.dag_id,
        names.task_id,
        names.run_id,
        order.try_number,
        max(order.max_tries + 1, order.try_number),
        os.getpid(),
    )
    task = find_task(loaded, order)
    with use_runtime(TaskRuntime(clock, order, link)):
        context = context_of(task, order)
        with use_context(context):
            task = of_instance(task, context)
            if not task.start_from_trigger:
                _log.info("Its start_from_trigger is False, so it begins in a worker")
                return msgspec.structs.replace(
                    arm(_at_once(), task, order.dag_file, lambda: loaded), method=BEGIN_IN_WORKER
                )
            task.render_template_fields(context)
            deferred = first_wait(task, context, order.dag_file, lambda: loaded)
            defer = arm(deferred, task, order.dag_file, lambda: loaded)
    _log.info("Task deferred: %s", says(defer))
    return defer


def _at_once() -> TaskDeferred:
    """A wait that is over as soon as it begins."""
    return TaskDeferred(TimeDeltaTrigger(dt.timedelta(0)), "execute")
