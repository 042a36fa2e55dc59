"""Watches a loop that many tasks share: their deadlines, and whose code holds it up."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Collection
from types import FrameType
from typing import Final

from bide.model.clock import Clock
from bide.observe.log import PathSink, context_sink
from bide.runner.shared_interrupts import SharedInterrupts
from bide.runner.shared_loop import SharedLoop
from bide.runner.task_run import TaskRun
from bide.wire.loop_messages import TaskBlocks

_log = logging.getLogger("bide.runner")

#: Seconds between two looks, and between two signs of life of the loop.
_PERIOD: Final = 0.1
#: Seconds for which one coroutine may hold up the others before it is told, and before it is kept apart next time.
_LIMIT: Final = 0.2
_LONG: Final = 2.0


class SharedWatch:
    """A thread beside the loop, which also ends a coroutine that has to go and does not let the loop turn."""

    def __init__(self, shared: SharedLoop, runs: Callable[[], Collection[TaskRun]], clock: Clock) -> None:
        """To be made in the loop's thread, which is the main one."""
        self._shared = shared
        self._runs = runs
        self._clock = clock
        self._main = threading.get_ident()
        self._beat = clock.monotonic()
        #: The beats after which a block was told, and told the engine.
        self._warned = self._told = 0.0
        signal.signal(signal.SIGALRM, self._leave)

    def start(self) -> None:
        """Begin."""
        self._turn()
        threading.Thread(target=self._watch, name="shared-watch", daemon=True).start()

    def _turn(self) -> None:
        self._beat = self._clock.monotonic()
        self._shared.loop.call_later(_PERIOD, self._turn)

    def _watch(self) -> None:
        pause = threading.Event()
        before = self._clock.monotonic()
        while not pause.wait(_PERIOD):
            now, beat = self._clock.monotonic(), self._beat
            runs = self._runs()
            for run in runs:
                _interrupts(run).check_deadline()
            # A pause of this thread too is one of the whole process: nobody's fault.
            on_time, before = now - before < _LIMIT, now
            if on_time and now - beat - _PERIOD > _LIMIT:
                self._look(now - beat, beat, len(runs))

    def _look(self, seconds: float, beat: float, runs: int) -> None:
        culprit = self._shared.running()
        frame = sys._current_frames().get(self._main)  # pyright: ignore[reportPrivateUsage]
        if culprit is None or frame is None or _asks_engine(frame):
            return
        if _interrupts(culprit).delivered is not None:
            # It has to go: nothing else reaches a coroutine that does not await.
            signal.pthread_kill(self._main, signal.SIGALRM)
        if runs > 1 and self._warned != beat:
            self._warned = beat
            self._warn(culprit, frame, runs - 1)
        if runs > 1 and seconds > _LONG and self._told != beat:
            self._told = beat
            culprit.link.send(TaskBlocks())

    def _warn(self, culprit: TaskRun, frame: FrameType, others: int) -> None:
        stack = "".join(traceback.format_stack(frame)[-8:]).rstrip()
        with context_sink(PathSink(culprit.order.log_path)):
            _log.warning(
                "This task has held up the event loop for %g s, and with it %d other async tasks of this process. "
                "A coroutine must not block: await asyncio.to_thread(...), or write a plain function (def). "
                "It is here:\n%s",
                _LIMIT,
                others,
                stack,
            )

    def _leave(self, number: int, frame: FrameType | None) -> None:
        """In the loop's thread, wherever that is: leave a coroutine that has to go."""
        run = self._shared.running()
        if run is not None:
            error = _interrupts(run).delivered
            if error is not None and _interrupts(run).blocks_for(error):
                raise error


def _interrupts(run: TaskRun) -> SharedInterrupts:
    assert isinstance(run.interrupts, SharedInterrupts)
    return run.interrupts


def _asks_engine(frame: FrameType) -> bool:
    """Whether the loop waits for an answer of the engine, or for events: then the machine is busy."""
    return frame.f_code.co_filename.endswith(("shared_channel.py", "selectors.py"))
