"""Triggers that run: streams as a coroutine each, polls as entries of a heap."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

from bide.authoring.stream import StreamMessage, shares_consumer
from bide.authoring.trigger import BaseTrigger, Found, TriggerEvent, first_of, trigger_kind
from bide.authoring.used_connections import note_connections
from bide.model.errors import ProtocolError, TriggerFailure
from bide.observe.log import Sink, context_sink
from bide.observe.streams import finish_lines
from bide.runner.checkpoints import Checkpoints
from bide.runner.failures import described, one_line, told_connections
from bide.runner.held_trigger import Held, log_of
from bide.runner.outcomes import outcome_of, place_of, takes_a_while, with_stored_xcoms
from bide.runner.polls import Polls
from bide.runner.streams import Streams
from bide.runner.sync_code import call_apart
from bide.runner.trigger_threads import TriggerThreads
from bide.runner.watcher_events import WatcherEvents, key_of, watched_message
from bide.standard.receipts import receipts_of
from bide.wire.messages import Outcome, TriggerDropped, TriggerEnded, TriggerLoad
from bide.wire.stream_messages import EventsStored, SaveCheckpoint

_log = logging.getLogger("bide.runner")

#: Seconds for a cleanup(), and for a trigger to end when it is cancelled.
_CLEANUP_LIMIT: Final = 30.0
#: Triggers at once that have a thread each.
_THREADS: Final = 64

Tell = Callable[[TriggerEnded | TriggerDropped | SaveCheckpoint], None]


class TriggerPool:
    """Runs triggers and tells how each ends: once by TriggerEnded, or not at all if it was dropped.

    Whatever a trigger does, only its own wait ends by it; its ``cleanup()`` is always awaited.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, tell: Tell, log_of: Callable[[TriggerLoad], Sink] = log_of
    ) -> None:
        """`log_of`: where the lines of a trigger go."""
        self._loop = loop
        self._tell = tell
        self.log_of = log_of
        self._held: dict[str, Held] = {}
        self._closing: set[Held] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._by_task: dict[asyncio.Task[None], Held] = {}
        #: Done when all are cleaned up; None as long as this does not close.
        self._all_closed: asyncio.Future[None] | None = None
        self._thread_id = threading.get_ident()
        self._threads = TriggerThreads(loop, _THREADS)
        #: Those of them that are polls, and those that share the consumer of a stream.
        self.polls = Polls(loop, self)
        self.streams = Streams(self)
        self._checkpoints = Checkpoints(loop, self.save)
        self._watched = WatcherEvents(loop, tell)

    def __len__(self) -> int:
        return len(self._held)

    @property
    def closing(self) -> bool:
        """Whether any has ended or been dropped, and is still to be cleaned up."""
        return bool(self._closing)

    def get(self, wait_id: str) -> Held | None:
        """The trigger that is held for this wait."""
        return self._held.get(wait_id)

    def owner_of(self, task: asyncio.Task[None] | None) -> Held | None:
        """The trigger that `task` runs."""
        return (
            None
            if task is None
            else (self._by_task.get(task) or self.polls.owner_of(task) or self.streams.owner_of(task))
        )

    def add(self, held: Held, place: int = 0, *, in_thread: bool = False) -> None:
        """Start a trigger; `place` is its place among those that came together, so that first looks spread.

        With `in_thread` it may block: it gets a thread of its own, whichever kind it is, as long as there are any.
        One that shares a stream does not, since its messages are counted with those of the others.
        """
        shares = shares_consumer(held.trigger)
        held.receipts = receipts_of(held.trigger)
        if in_thread and not shares and self._has_thread(held):
            self._held[held.load.wait_id] = held
            self._begin(held, self._run_in_thread(held))
            assert held.task is not None
            held.task.add_done_callback(lambda task: self._threads.give_back())
        elif trigger_kind(type(held.trigger)) == "poll":
            self.polls.add(held, place)
            self._held[held.load.wait_id] = held
        elif shares:
            self.streams.add(held)
            self._held[held.load.wait_id] = held
        else:
            self._held[held.load.wait_id] = held
            self._begin(held, self._run_stream(held))
        if not shares and held.load.kind == "stream":
            self._checkpoints.attach(held)

    def drop(self, wait_id: str, *, tell: bool) -> asyncio.Event | None:
        """Stop a trigger; the answer is set when it is cleaned up, and None if there is none.

        With `tell` that is also said to the engine.
        """
        held = self._held.pop(wait_id, None)
        if held is None:
            return None
        held.dropped = True
        self._closing.add(held)
        if self.polls.discard(held) or self.streams.discard(held):
            self._begin(held, self.close_one(held))
        elif held.task is not None:
            held.task.cancel()
        if tell:
            self.spawn(self._tell_when_over(held))
        return held.over

    def next_look(self, wait_id: str) -> float | None:
        """Seconds until the next look of a poll, 0 while one is under way; None if it is no poll that is held."""
        held = self._held.get(wait_id)
        return None if held is None else self.polls.next_look(held)

    def on_stored(self, answer: EventsStored) -> None:
        """What has become of events of streams."""
        self.streams.on_stored(answer)
        self._watched.on_stored(answer)

    async def close(self, limit: float) -> None:
        """Drop all, tell of each when it is cleaned up, and wait for that, at most `limit` seconds."""
        self._all_closed = self._loop.create_future()
        for wait_id in list(self._held):
            self.drop(wait_id, tell=False)
        if self._closing:
            await asyncio.wait([self._all_closed], timeout=limit)
        if self._closing:
            _log.warning("%d triggers were not cleaned up within %.0f s", len(self._closing), limit)

    def _begin(self, held: Held, work: Any) -> None:
        held.task = self.spawn(work)
        self._by_task[held.task] = held
        held.task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        held = self._by_task.pop(task)
        # A coroutine that is cancelled before its first step never runs, so nothing in it can clean up.
        if task.cancelled() and not held.is_over:
            self.spawn(self.close_one(held))

    def spawn(self, work: Any) -> asyncio.Task[None]:
        """Run `work` in the loop."""
        task: asyncio.Task[None] = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # --- streams -----------------------------------------------------------------------------------------------

    async def _run_stream(self, held: Held) -> None:
        note_connections()
        with context_sink(self.log_of(held.load)):
            try:
                call_apart()
                if held.receipts is not None:
                    held.receipts.begin()
                await (self._watch(held) if held.load.many else self._first_event(held))
            except BaseException as error:
                if not held.dropped:
                    self.fail(held, error)
            finally:
                await self.close_one(held)

    def _has_thread(self, held: Held) -> bool:
        with context_sink(self.log_of(held.load)):
            if self._threads.take():
                _log.warning("The trigger gets a thread of its own, because its class has blocked an event loop")
                return True
            _log.warning(
                "The trigger shares a process with others whose class has blocked an event loop, since all of its "
                "%d threads are in use",
                self._threads.limit,
            )
            return False

    async def _run_in_thread(self, held: Held) -> None:
        with context_sink(self.log_of(held.load)):
            await self._threads.run(lambda: self._run_stream(held))
            if not held.is_over:
                # It was dropped before its first step.
                await self.close_one(held)

    async def _first_event(self, held: Held) -> None:
        """Run the trigger until it yields, and tell that before anything else of it runs."""
        stream = _stream_of(held.trigger)
        ended = False
        try:
            async for found in stream:
                if found == []:
                    continue
                event = await self._stored(held, first_of(found))
                if held.receipts is not None:
                    await self._watched.store_first(held, event, self._outcome(held, event))
                ended = True
                self.succeed(held, event)
                break
        except BaseException:
            if not ended:
                raise
        if not ended:
            raise TriggerFailure(f"{type(held.trigger).__name__}.run() ended without yielding an event")
        await self._end_stream(held.trigger, stream)

    async def _watch(self, held: Held) -> None:
        """Store all that the trigger yields, until it ends; then it is to be begun again."""
        stream = _stream_of(held.trigger)
        try:
            await self._watched.store_all(held, stream)
        finally:
            await self._end_stream(held.trigger, stream)
        # Before it is begun again: two of it at once might get in each other's way, as two consumers of a queue do.
        await self._clean(held)
        if not held.dropped:
            self._end(held, TriggerEnded(held.load.wait_id, held.load.token))

    async def keep(self, looking: Sequence[Held], found: Sequence[Found]) -> list[Found]:
        """Have the events of polls that watch assets stored; what is left are errors."""
        return await self._watched.keep(looking, found)

    async def _end_stream(self, trigger: BaseTrigger, stream: AsyncIterator[TriggerEvent]) -> None:
        close = getattr(stream, "aclose", None)
        if close is None:
            return
        try:
            async with asyncio.timeout(_CLEANUP_LIMIT):
                await close()
        except BaseException as error:
            _log.error("%s.run() failed after its event: %s", type(trigger).__name__, described(error))

    # --- the end -----------------------------------------------------------------------------------------------

    def succeed(self, held: Held, event: object) -> None:
        """Tell that `held` has its event."""
        if held.dropped:
            return
        try:
            if held.receipts is None:
                message = TriggerEnded(held.load.wait_id, held.load.token, self._outcome(held, event))
            else:
                message = None  # it is stored
            _log.info("Trigger fired: %r", event)
            self._end(held, message)
        except BaseException as error:
            if self._held.get(held.load.wait_id) is held:
                self.fail(held, error)

    async def settle(self, held: Held, event: TriggerEvent) -> None:
        """Tell that `held` has its event, once what it leaves is stored, and clean up."""
        with context_sink(self.log_of(held.load)):
            try:
                self.succeed(held, await self._stored(held, event))
            except BaseException as error:
                if not held.dropped:
                    self.fail(held, error)
        await self.close_one(held)

    async def _stored(self, held: Held, event: TriggerEvent) -> TriggerEvent:
        """The event, with its XComs where they belong: putting them there must not hold up the loop."""
        if takes_a_while(event):
            return await asyncio.to_thread(with_stored_xcoms, event, place_of(held.load))
        return event

    def _outcome(self, held: Held, event: object) -> Outcome:
        name = type(held.trigger).__name__
        return outcome_of(event, name, must_end=held.load.must_end, place=place_of(held.load))

    def offer(self, held: Held, event: TriggerEvent, stream: str | None, message: StreamMessage) -> None:
        """Have the event of `held` stored, which is over only then; `stream` names an exclusive one.

        Raises for an event that can't be stored.
        """
        load = held.load
        key = None if stream is None else key_of(stream, message)
        self._tell(TriggerEnded(load.wait_id, load.token, self._outcome(held, event), message=key, asks=True))

    def offer_many(
        self, held: Held, found: Sequence[tuple[TriggerEvent, StreamMessage]], stream: str | None
    ) -> int:
        """See :class:`~bide.runner.stream_ends.StreamEnds`."""
        message = watched_message(held, found, stream)
        self._tell(message)
        return 1 + len(message.more)

    def finish(self, held: Held, event: TriggerEvent) -> None:
        """The event of `held` is stored."""
        with context_sink(self.log_of(held.load)):
            _log.info("Trigger fired: %r", event)
        self._held.pop(held.load.wait_id, None)
        self.spawn(self.close_one(held))

    def save(self, order: SaveCheckpoint) -> None:
        """Have it stored how far a stream was read."""
        self._tell(order)

    def fail(self, held: Held, error: BaseException) -> None:
        """Tell that `held` has failed."""
        _log.error("Trigger failed: %s", described(error))
        if used := told_connections():
            _log.info("Connections that it had looked up: %s", used)
        self._end(held, TriggerEnded(held.load.wait_id, held.load.token, error=one_line(error)))

    def _end(self, held: Held, message: TriggerEnded | None) -> None:
        if threading.get_ident() != self._thread_id:
            self._loop.call_soon_threadsafe(self._end, held, message)
            return
        try:
            if message is not None:
                self._tell(message)
        except ProtocolError as error:
            # It is larger than a message may be.
            with context_sink(self.log_of(held.load)):
                _log.error("Trigger failed: %s", one_line(error))
            self._tell(TriggerEnded(held.load.wait_id, held.load.token, error=one_line(error)))
        if self._held.pop(held.load.wait_id, None) is not None:
            self._closing.add(held)

    async def close_one(self, held: Held) -> None:
        """Await its ``cleanup()``, if that was not done, whatever it does."""
        self._closing.add(held)
        with context_sink(self.log_of(held.load)):
            try:
                if not held.cleaned:
                    await self._clean(held)
            finally:
                finish_lines()
                if threading.get_ident() == self._thread_id:
                    self._set_over(held)
                else:
                    self._loop.call_soon_threadsafe(self._set_over, held)

    async def _clean(self, held: Held) -> None:
        held.cleaned = True
        try:
            async with asyncio.timeout(_CLEANUP_LIMIT):
                await held.trigger.cleanup()
        except BaseException as error:
            _log.error("%s.cleanup() failed: %s", type(held.trigger).__name__, described(error))

    def _set_over(self, held: Held) -> None:
        self._closing.discard(held)
        held.set_over()
        if self._all_closed is not None:
            if held.dropped:
                self._tell(TriggerDropped(held.load.wait_id))
            if not self._closing and not self._all_closed.done():
                self._all_closed.set_result(None)

    async def _tell_when_over(self, held: Held) -> None:
        try:
            async with asyncio.timeout(_CLEANUP_LIMIT):
                await held.over.wait()
        except TimeoutError:
            _log.error("trigger %s of wait %s does not end", type(held.trigger).__name__, held.load.wait_id)
        self._tell(TriggerDropped(held.load.wait_id))


def _stream_of(trigger: BaseTrigger) -> AsyncIterator[TriggerEvent]:
    stream: Any = trigger.run()
    if inspect.iscoroutine(stream):
        stream.close()
        raise TypeError(
            f"{type(trigger).__name__}.run() must be an async generator: write 'async def run(self)' with "
            "'yield TriggerEvent(...)' in it"
        )
    if not hasattr(stream, "__aiter__"):
        raise TypeError(f"{type(trigger).__name__}.run() must be an async generator, not {type(stream).__name__}")
    return stream
