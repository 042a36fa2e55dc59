"""The bell: wakes those who wait for something to do.

Topics are rung after the commit that made them true; a ring between two waits is kept. Losing one costs time, never
work, since every listener also looks at the store by itself now and then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, Literal, get_args

Topic = Literal[
    "runs",  # a run was made
    "backfills",  # a backfill has room for a run, or was changed
    "marks",  # an instance has finished
    "scheduled",  # an instance may be queued
    "timers",  # a due time or deadline was set
    "waits",  # a wait needs a trigger runner
    "watchers",  # an asset is to be watched
    "watches",  # a run changed that somebody waits for
    "starts",  # a task starts from its trigger
    "drops",  # waits ended from outside
    "slots",  # the executor, or a pool, has room
    "callbacks",  # something ended, and callbacks or listeners are to be called
    "cancels",  # something running, or external, has to be stopped
    "variables",  # a variable or connection was changed
    "assets",  # a DAG got an event that it waits for
    "dags",  # a DAG was made, changed or unpaused
    "purges",  # something outside of the store is to be removed
    "history",  # anything that a follower of a run would like to see
]
TOPICS: Final[frozenset[str]] = frozenset(get_args(Topic))


class Listener:
    """One who waits for some topics."""

    def __init__(self, topics: Iterable[Topic]) -> None:
        self.topics = frozenset(topics)
        self._event = asyncio.Event()

    async def wait(self, timeout: float | None = None) -> bool:
        """Wait for a ring, or `timeout` seconds; True if it rang since the last call."""
        if not self._event.is_set():
            try:
                async with asyncio.timeout(timeout):
                    await self._event.wait()
            except TimeoutError:
                return False
        self._event.clear()
        return True

    def wake(self) -> None:
        """Ring this one alone."""
        self._event.set()


class Bell:
    """Hands rings to listeners of the same event loop, and to `relays` (other processes)."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._relays: list[Callable[[frozenset[Topic]], None]] = []

    def listen(self, *topics: Topic) -> Listener:
        """A new listener; it counts from now on. Give it back to :meth:`leave`."""
        listener = Listener(topics)
        self._listeners.append(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Forget `listener`."""
        self._listeners.remove(listener)

    def relay(self, send: Callable[[frozenset[Topic]], None]) -> Callable[[], None]:
        """Call `send` with the topics of every local ring; returns the way to stop that."""
        self._relays.append(send)
        return lambda: self._relays.remove(send)

    def ring(self, *topics: Topic, relayed: bool = False) -> None:
        """Wake all listeners of `topics`. Call it on the event loop's thread."""
        rung = frozenset(topics)
        for listener in self._listeners:
            if not rung.isdisjoint(listener.topics):
                listener.wake()
        if not relayed:
            for send in list(self._relays):
                send(rung)
