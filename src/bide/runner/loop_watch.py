"""Finds out which trigger holds up the event loop, from a thread beside it."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any, Final, NamedTuple

from bide.authoring.trigger import BaseTrigger
from bide.model.clock import Clock
from bide.observe.log import Sink, context_sink
from bide.wire.messages import TriggerLoad

_log = logging.getLogger("bide.runner")

#: Seconds for which the loop may not turn.
_LIMIT: Final = 0.2
#: Seconds between two signs of life of the loop, and between two looks at them.
_PERIOD: Final = 0.1


class Culprit(NamedTuple):
    """The trigger whose code the loop runs."""

    load: TriggerLoad
    #: None while it is still to be built.
    cls: type[BaseTrigger] | None
    #: Where its lines go.
    log: Sink

    @property
    def name(self) -> str:
        """For people."""
        names, cls = self.load.instance, self.load.classpath.rpartition(".")[2]
        return f"{cls}, which watches an asset," if self.load.many else f"{cls} of {names.dag_id}.{names.task_id}"


class LoopWatch:
    """Warns, with the stack, when the loop is blocked: in the log of the trigger, and in that of the process."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        find_culprit: Callable[[asyncio.Task[Any] | None], Culprit | None],
        tell: Callable[[Culprit], None],
    ) -> None:
        """Both are called in the watching thread: `find_culprit` with the task that the loop runs."""
        self._loop = loop
        self._clock = clock
        self._find_culprit = find_culprit
        self._tell = tell
        self._thread_id = threading.get_ident()
        self._beat = clock.monotonic()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="loop-watch", daemon=True)

    def start(self) -> None:
        """Begin; to be called in the loop's thread."""
        self._turn()
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._thread.join()

    def _turn(self) -> None:
        self._beat = self._clock.monotonic()
        if not self._stopped.is_set():
            self._loop.call_later(_PERIOD, self._turn)

    def _watch(self) -> None:
        reported = 0.0
        before = self._clock.monotonic()
        while not self._stopped.wait(_PERIOD):
            now, beat = self._clock.monotonic(), self._beat
            # A pause of this thread too is one of the whole process: nobody's fault.
            on_time, before = now - before < _LIMIT, now
            if on_time and beat != reported and now - beat - _PERIOD > _LIMIT:
                frame = sys._current_frames().get(self._thread_id)  # pyright: ignore[reportPrivateUsage]
                if frame is not None and not _is_waiting(frame):
                    reported = beat
                    self._report(frame)

    def _report(self, frame: FrameType) -> None:
        culprit = self._find_culprit(asyncio.current_task(self._loop))
        name = culprit.name if culprit is not None else "Something"
        stack = "".join(traceback.format_stack(frame)[-8:]).rstrip()
        text = (
            f"{name} has held up the event loop for {_LIMIT:g} s, and with it all other triggers of this process. "
            f"A coroutine must not block; a plain (not async) poll() may. It is here:\n{stack}"
        )
        _log.warning("%s", text)
        if culprit is not None:
            with context_sink(culprit.log):
                _log.warning("%s", text)
            # Not before its log says so: the engine may end this process for it.
            self._tell(culprit)


def _is_waiting(frame: FrameType) -> bool:
    """Whether the loop itself waits for events: then it is late because the machine is busy."""
    return frame.f_code.co_filename.endswith("selectors.py")
