"""What a shared stream tells of its waits, and where it writes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final, Literal, Protocol

from bide.authoring.stream import StreamMessage
from bide.authoring.trigger import TriggerEvent
from bide.observe.log import Sink
from bide.runner.held_trigger import Held
from bide.wire.messages import TriggerLoad
from bide.wire.stream_messages import SaveCheckpoint

#: What a consumer says goes to the logs of at most so many of its tasks.
_LOGS: Final = 20

Verdict = Literal["accepted", "refused", "duplicate", "going_on"]


class StreamEnds(Protocol):
    """What becomes of waits for messages."""

    def log_of(self, load: TriggerLoad, /) -> Sink:
        """Where its lines go."""
        ...

    def offer(self, held: Held, event: TriggerEvent, stream: str | None, message: StreamMessage) -> None:
        """Have the engine store its event by `message`; `stream` names an exclusive one.

        Raises for what can't be stored.
        """
        ...

    def offer_many(
        self, held: Held, found: Sequence[tuple[TriggerEvent, StreamMessage]], stream: str | None
    ) -> int:
        """The same for a watcher, which goes on: of how many of the first ones it is to be stored, together.

        Raises for a first one that can't be stored.
        """
        ...

    def finish(self, held: Held, event: TriggerEvent) -> None:
        """Its event is stored."""
        ...

    def fail(self, held: Held, error: BaseException) -> None:
        """It has failed."""
        ...

    async def close_one(self, held: Held) -> None:
        """Await its cleanup."""
        ...

    def spawn(self, work: Any) -> asyncio.Task[None]:
        """Run `work` in the loop."""
        ...

    def save(self, order: SaveCheckpoint) -> None:
        """Have the engine store how far a stream was read."""
        ...


class GroupLog:
    """Writes to the logs of the tasks that wait, the first ones if there are very many."""

    def __init__(self, members: Iterable[Held], ends: StreamEnds) -> None:
        self._members = members
        self._ends = ends

    def write(self, text: str) -> None:
        """Write `text` to each."""
        loads = {held.load.log_path: held.load for held in islice(self._members, _LOGS)}
        for load in loads.values():
            self._ends.log_of(load).write(text)
