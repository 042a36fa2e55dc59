"""One trigger in a trigger runner."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

from bide.authoring.trigger import BaseTrigger, PollTrigger, WaitingTask
from bide.model.values import decode
from bide.observe.log import PathSink
from bide.runner.arming import build, poll_interval
from bide.wire.messages import TriggerLoad


@dataclass(slots=True, eq=False)
class Held:
    """A trigger that is held under a lease."""

    load: TriggerLoad
    trigger: BaseTrigger
    sink: PathSink
    #: What runs now: the whole stream, or one look of a poll.
    task: asyncio.Task[None] | None = None
    #: Looks in a row that raised.
    errors: int = 0
    #: Nobody wants to hear of it any more.
    dropped: bool = False
    #: Resolves when it is over and cleaned up.
    over: asyncio.Event = field(default_factory=asyncio.Event)


def build_trigger(cls: type[BaseTrigger], load: TriggerLoad) -> BaseTrigger:
    """The trigger of `load`; raises whatever is wrong with its arguments."""
    kwargs: dict[str, Any] = decode(load.kwargs)
    trigger = build(cls, kwargs)
    names = load.instance
    trigger.task_instance = WaitingTask(
        names.dag_id, names.run_id, names.task_id, names.map_index, load.try_number, names.id
    )
    return trigger


def interval_of(held: Held) -> float:
    """Seconds between looks, as its deferral had it."""
    if held.load.interval is not None:
        return held.load.interval
    return poll_interval(cast("PollTrigger", held.trigger))
