"""The events of triggers that watch assets: each is stored before its trigger goes on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from typing import Any

import msgspec

from bide.authoring.trigger import Found, TaskEndEvent, TriggerEvent
from bide.model.errors import InvalidArgument, ProtocolError, TriggerFailure
from bide.model.watchers import event_key
from bide.runner.held_trigger import Held
from bide.runner.outcomes import outcome_of
from bide.wire.messages import Outcome, TriggerEnded
from bide.wire.stream_messages import EventsStored


class WatcherEvents:
    """Has events stored, one of each watcher at a time. Watchers may be in threads with loops of their own."""

    def __init__(self, loop: asyncio.AbstractEventLoop, tell: Callable[[TriggerEnded], None]) -> None:
        self._loop = loop
        self._tell = tell
        self._thread_id = threading.get_ident()
        #: Whether the watcher goes on, by its id.
        self._asked: dict[str, Future[bool]] = {}

    def on_stored(self, answer: EventsStored) -> None:
        """The engine says what has become of events."""
        for goes_on, wait_ids in ((True, answer.going_on), (False, answer.refused)):
            for wait_id in wait_ids:
                future = self._asked.pop(wait_id, None)
                if future is not None and not future.done():
                    future.set_result(goes_on)

    async def store_all(self, held: Held, stream: AsyncIterator[TriggerEvent]) -> None:
        """Store what `stream` yields, until it ends; it goes on after an event when that is stored.

        Raises what it raises, for an event that can't be stored, and if it ends without any.
        """
        events = 0
        async for event in stream:
            await self.store(held, watched_outcome(held, event))
            events += 1
        if not events:
            raise TriggerFailure(f"{type(held.trigger).__name__}.run() ended without yielding an event")

    async def keep(self, looking: Sequence[Held], found: Sequence[Found]) -> list[Found]:
        """Store what a look has found for each; what is left are errors."""
        left: list[Found] = []
        for held, one in zip(looking, found, strict=True):
            if one is None:
                held.last_key = ""
            if isinstance(one, TriggerEvent) and not held.dropped:
                try:
                    await self._store_found(held, one)
                except Exception as error:
                    left.append(error)
                    continue
            left.append(one if isinstance(one, Exception) else None)
        return left

    async def _store_found(self, held: Held, event: TriggerEvent) -> None:
        """An event of a look counts if the look before has not found the same."""
        outcome = watched_outcome(held, event)
        key = event_key(outcome.key, outcome.payload)
        if key == held.last_key:
            return
        await self.store(held, outcome)
        held.last_key = key

    async def store(self, held: Held, outcome: Outcome) -> None:
        """Have it stored; :class:`TriggerFailure` if the engine does not want it any more."""
        load = held.load
        answer = self._asked[load.wait_id] = Future()
        message = TriggerEnded(load.wait_id, load.token, outcome, asks=True, on=True)
        if threading.get_ident() == self._thread_id:
            self._ask(message, answer)
        else:
            self._loop.call_soon_threadsafe(self._ask, message, answer)
        if not await asyncio.wrap_future(answer):
            raise TriggerFailure("an event was not stored: the watcher is stopped, or runs elsewhere by now")

    def _ask(self, message: TriggerEnded, answer: Future[bool]) -> None:
        try:
            self._tell(message)
        except ProtocolError as error:
            # It is larger than a message may be.
            answer.set_exception(error)


def watched_outcome(held: Held, event: Any, *, key: str | None = None) -> Outcome:
    """The stored form of an event of a watcher, told from others by its own key, or else by `key`."""
    name = type(held.trigger).__name__
    if isinstance(event, TaskEndEvent):
        raise InvalidArgument(f"{name} yielded a {type(event).__name__}, but it watches an asset: there is no task")
    outcome = outcome_of(event, name)
    return outcome if outcome.key is not None else msgspec.structs.replace(outcome, key=key)
