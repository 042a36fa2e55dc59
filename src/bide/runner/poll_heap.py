"""When which poll is looked at next: one heap and one timer, however many there are."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from typing import Final, Generic, TypeVar

#: Looks that are started in one turn of the loop, so that other callbacks have theirs between.
_PER_TURN: Final = 100
#: Looks under way at once.
_AT_ONCE: Final = 1000

T = TypeVar("T")


class PollHeap(Generic[T]):
    """Calls `start` for each item at its time; the one who looks calls :meth:`ended` when the look is over."""

    def __init__(self, loop: asyncio.AbstractEventLoop, start: Callable[[T], None]) -> None:
        self._loop = loop
        self._start = start
        self._heap: list[tuple[float, int, T]] = []
        self._when: dict[T, float] = {}
        self._number = 0
        self._timer: asyncio.TimerHandle | None = None
        self._looking = 0

    def add(self, item: T, when: float) -> None:
        """Look at `item` at the moment `when` of the loop's clock; a moment given before no longer counts."""
        self._number += 1
        self._when[item] = when
        heapq.heappush(self._heap, (when, self._number, item))
        self._set_timer()

    def discard(self, item: T) -> bool:
        """Look at `item` no more; False if no look was due."""
        if self._when.pop(item, None) is None:
            return False
        if len(self._heap) > 2 * len(self._when) + _PER_TURN:
            # What was discarded stays in the heap until its time, unless it comes to be most of it.
            self._heap = [entry for entry in self._heap if self._is_current(entry)]
            heapq.heapify(self._heap)
        return True

    def next_look(self, item: T) -> float | None:
        """The moment of its next look on the loop's clock; None if none is planned."""
        return self._when.get(item)

    def ended(self) -> None:
        """One look that was started is over."""
        self._looking -= 1
        if self._timer is None:
            self._set_timer()

    def _is_current(self, entry: tuple[float, int, T]) -> bool:
        return self._when.get(entry[2]) == entry[0]

    def _set_timer(self) -> None:
        if not self._heap or self._looking >= _AT_ONCE:
            return
        first = self._heap[0][0]
        if self._timer is not None:
            if self._timer.when() <= first:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(first, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        now = self._loop.time()
        started = 0
        while self._heap and self._heap[0][0] <= now and started < _PER_TURN and self._looking < _AT_ONCE:
            entry = heapq.heappop(self._heap)
            if self._is_current(entry):
                item = entry[2]
                del self._when[item]
                started += 1
                self._looking += 1
                self._start(item)
        self._set_timer()
