"""The streams that one runner reads, by the waits that share them."""

from __future__ import annotations

import asyncio
from typing import Any

from bide.authoring.stream import StreamTrigger
from bide.runner.held_trigger import Held
from bide.runner.shared_stream import SharedStream, StreamEnds, Verdict
from bide.wire.stream_messages import EventsStored


class Streams:
    """All shared streams of one runner."""

    def __init__(self, ends: StreamEnds) -> None:
        self._ends = ends
        self._streams: dict[str, SharedStream] = {}
        #: Waits whose events are on their way to the store.
        self._asked: dict[str, tuple[SharedStream, Held]] = {}

    def __len__(self) -> int:
        return len(self._streams)

    def add(self, held: Held) -> None:
        """Offer messages to `held` from now on, and such as came since it began to wait."""
        assert isinstance(held.trigger, StreamTrigger)
        name = _name_of(held)
        stream = self._streams.get(name)
        if stream is None:
            stream = self._streams[name] = SharedStream(name, held.trigger.exclusive, self._ends, self._asked)
        started = stream.task is None
        stream.join(held)
        if started and stream.task is not None:
            stream.task.add_done_callback(lambda _: self._on_end(stream))

    def discard(self, held: Held) -> bool:
        """Offer nothing more to `held`; False if it is no such wait."""
        stream = self._streams.get(_name_of(held))
        if stream is None or held not in stream.members:
            return False
        stream.leave(held)
        return True

    def on_stored(self, answer: EventsStored) -> None:
        """The engine says what has become of events."""
        verdicts: tuple[tuple[Verdict, tuple[str, ...]], ...] = (
            ("accepted", answer.accepted),
            ("duplicate", answer.duplicates),
            ("refused", answer.refused),
            ("going_on", answer.going_on),
        )
        for verdict, wait_ids in verdicts:
            for wait_id in wait_ids:
                found = self._asked.pop(wait_id, None)
                if found is not None:
                    found[0].answered(found[1], verdict)

    def owner_of(self, task: asyncio.Task[Any]) -> Held | None:
        """One of the waits for which `task` reads."""
        for stream in self._streams.values():
            if stream.runs(task):
                return next(iter(stream.members), None)
        return None

    def _on_end(self, stream: SharedStream) -> None:
        if self._streams.get(stream.name) is stream:
            del self._streams[stream.name]


def _name_of(held: Held) -> str:
    return held.load.group_key or held.load.wait_id
