"""One trigger in a trigger runner."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

import msgspec

from bide.authoring.shared_stream import as_stream
from bide.authoring.trigger import BaseTrigger, PollTrigger, WaitingTask
from bide.model.storable_text import storable
from bide.model.values import decode
from bide.observe.log import PathSink, Sink, current_sink
from bide.observe.masking import mask
from bide.runner.arming import build, poll_interval
from bide.standard.receipts import Receipts
from bide.wire.messages import InstanceKey, TriggerLoad
from bide.wire.progress import Progress

#: Among the stored arguments of a trigger: what :mod:`bide.runner.operator_kills` keeps of the operator.
OPERATOR: Final = "__operator__"
#: Characters of a progress that are shown.
_LONGEST_LINE: Final = 300


@dataclass(slots=True, eq=False)
class Held:
    """A trigger that is held under a lease. There may be a hundred thousand: what few need is made when needed."""

    load: TriggerLoad
    trigger: BaseTrigger
    #: What runs now of it alone: the whole stream, or its cleanup.
    task: asyncio.Task[None] | None = None
    #: What it acknowledges waits for this; None if it acknowledges nothing by itself.
    receipts: Receipts | None = None
    #: Looks in a row that raised, for this one alone.
    errors: int = 0
    #: Of a watcher: what its last look has found, see :func:`bide.model.watchers.event_key`.
    last_key: str = ""
    #: Nobody wants to hear of it any more.
    dropped: bool = False
    #: Its ``cleanup()`` has been called.
    cleaned: bool = False
    #: It is over and cleaned up.
    is_over: bool = False
    _over: asyncio.Event | None = None

    @property
    def over(self) -> asyncio.Event:
        """Set once it is over and cleaned up."""
        if self._over is None:
            self._over = asyncio.Event()
            if self.is_over:
                self._over.set()
        return self._over

    def set_over(self) -> None:
        """It is over and cleaned up."""
        self.is_over = True
        if self._over is not None:
            self._over.set()


#: Bytes of a watcher's log, which has no end, before it is put aside as ``NAME.log.1``.
LONGEST_LOG: Final = 8 << 20


class TriggerLog(PathSink):
    """The log of the task that waits, or of a watcher; what writes there works for this trigger."""

    def __init__(self, load: TriggerLoad) -> None:
        super().__init__(load.log_path)
        self.load = load

    def write(self, text: str) -> None:
        """Append `text`. Of a watcher's log the newest part is kept, and the one before."""
        if self.load.many:
            keep_short(Path(self.load.log_path), LONGEST_LOG)
        super().write(text)


def keep_short(log: Path, longest: int) -> None:
    """Put a log that has come to `longest` bytes aside, in place of the one before."""
    try:
        if log.stat().st_size >= longest:
            log.replace(log.with_name(f"{log.name}.1"))
    except OSError:
        return  # there is none yet; and whoever can't write it says so


def log_of(load: TriggerLoad) -> Sink:
    """The log of the task that waits."""
    return TriggerLog(load)


class TaskOwners:
    """Which trigger has started a task of the loop, for tasks that triggers start by themselves."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Notes all that `loop` starts from now on."""
        self._loads: WeakKeyDictionary[asyncio.Future[Any], TriggerLoad] = WeakKeyDictionary()
        loop.set_task_factory(self._make)

    def load_of(self, task: asyncio.Task[Any] | None) -> TriggerLoad | None:
        """The trigger's, or None if it is no such task."""
        return None if task is None else self._loads.get(task)

    def _make(self, loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(work, loop=loop, **options)
        sink = current_sink()
        if isinstance(sink, TriggerLog):
            self._loads[task] = sink.load
        return task


def hold(cls: type[BaseTrigger], load: TriggerLoad) -> Held:
    """The trigger of `load`, to be run; raises whatever is wrong with its arguments."""
    trigger = build_trigger(cls, load)
    return Held(_slim(load), trigger, last_key=load.last_key)


def build_trigger(cls: type[BaseTrigger], load: TriggerLoad) -> BaseTrigger:
    """The trigger of `load`; raises whatever is wrong with its arguments."""
    kwargs: dict[str, Any] = decode(load.kwargs)
    kwargs.pop(OPERATOR, None)
    trigger = as_stream(build(cls, kwargs))
    names = load.instance
    if not load.many:
        trigger.task_instance = WaitingTask(
            names.dag_id, names.run_id, names.task_id, names.map_index, load.try_number, names.id
        )
    return trigger


def _slim(load: TriggerLoad) -> TriggerLoad:
    """Without what a trigger that is built needs no more; strings that many loads have are kept once."""
    names, intern = load.instance, sys.intern
    return msgspec.structs.replace(
        load,
        classpath=intern(load.classpath),
        kwargs=b"",
        instance=InstanceKey(
            names.id, intern(names.dag_id), intern(names.run_id), intern(names.task_id), names.map_index
        ),
        dag_file=intern(load.dag_file),
        dag_folder=intern(load.dag_folder),
        group_key=None if load.group_key is None else intern(load.group_key),
    )


def interval_of(held: Held) -> float:
    """Seconds between looks, as its deferral had it."""
    if held.load.interval is not None:
        return held.load.interval
    return poll_interval(cast("PollTrigger", held.trigger))


def progress_of(trigger: BaseTrigger) -> Progress | None:
    """What `trigger` has last reported, without what people must not see; None if that is nothing."""
    if trigger.progress is None:
        return None
    text, fraction = trigger.progress
    line = storable(mask(str(text).partition("\n")[0])[:_LONGEST_LINE])
    share = None if fraction is None else min(1.0, max(0.0, float(fraction)))
    return Progress(line, share)
