from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bide.runner.poll_heap import PollHeap


class Handle:
    def __init__(self, when: float, call: Callable[[], None]) -> None:
        self._when = when
        self.call = call
        self.cancelled = False

    def when(self) -> float:
        return self._when

    def cancel(self) -> None:
        self.cancelled = True


class Clock:
    """What a heap needs of a loop, with a time that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.handles: list[Handle] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, call: Callable[[], None]) -> Handle:
        self.handles.append(Handle(when, call))
        return self.handles[-1]

    def advance(self, to: float) -> None:
        while ready := [handle for handle in self.handles if not handle.cancelled and handle.when() <= to]:
            first = min(ready, key=Handle.when)
            self.now = max(self.now, first.when())
            self.handles.remove(first)
            first.call()
        self.now = to

    @property
    def timers(self) -> list[Handle]:
        return [handle for handle in self.handles if not handle.cancelled]


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make(clock: Any, seen: list[Any], *, end: bool = True) -> PollHeap[Any]:
    heap: PollHeap[Any]

    def start(item: Any) -> None:
        seen.append((clock.now, item))
        if end:
            heap.ended()

    heap = PollHeap(clock, start)
    return heap


def test_items_are_looked_at_in_the_order_of_their_time(clock: Clock) -> None:
    seen: list[Any] = []
    heap = make(clock, seen)
    for item, when in (("c", 3.0), ("a", 1.0), ("b", 2.0)):
        heap.add(item, when)
    assert len(clock.timers) == 1
    clock.advance(2.5)
    assert seen == [(1.0, "a"), (2.0, "b")]
    clock.advance(3.0)
    assert seen[2:] == [(3.0, "c")]
    assert clock.timers == []


def test_a_discarded_item_is_not_looked_at(clock: Clock) -> None:
    seen: list[Any] = []
    heap = make(clock, seen)
    heap.add("a", 1.0)
    heap.add("b", 1.0)
    assert heap.discard("a")
    assert not heap.discard("a")
    clock.advance(5.0)
    assert seen == [(1.0, "b")]


def test_a_new_moment_replaces_the_one_before(clock: Clock) -> None:
    seen: list[Any] = []
    heap = make(clock, seen)
    heap.add("a", 1.0)
    heap.add("a", 4.0)
    assert heap.next_look("a") == 4.0
    clock.advance(5.0)
    assert seen == [(4.0, "a")]


def test_only_so_many_looks_are_under_way(clock: Clock) -> None:
    seen: list[Any] = []
    heap = make(clock, seen, end=False)
    for item in range(1500):
        heap.add(item, 1.0)
    clock.advance(2.0)
    assert len(seen) == 1000
    for _ in range(300):
        heap.ended()
    clock.advance(3.0)
    assert len(seen) == 1300


def test_discarded_items_do_not_pile_up(clock: Clock) -> None:
    heap = make(clock, [])
    for item in range(10_000):
        heap.add(item, 1e6)
        heap.discard(item)
    assert len(heap._heap) < 1000


@given(st.lists(st.tuples(st.integers(0, 20), st.one_of(st.none(), st.integers(0, 50))), max_size=60))
def test_each_item_is_looked_at_exactly_at_its_last_moment(steps: list[tuple[int, int | None]]) -> None:
    clock = Clock()
    seen: list[Any] = []
    heap = make(clock, seen)
    expected: dict[int, float] = {}
    for item, when in steps:
        if when is None:
            heap.discard(item)
            expected.pop(item, None)
        else:
            heap.add(item, float(when))
            expected[item] = float(when)
    clock.advance(100.0)
    assert {item: moment for moment, item in seen} == expected
    assert len(seen) == len(expected)
    assert [moment for moment, _ in seen] == sorted(moment for moment, _ in seen)


async def test_it_works_on_a_real_loop() -> None:
    looked: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    heap: PollHeap[int] = PollHeap(loop, looked.put_nowait)
    for item in (3, 1, 2):
        heap.add(item, loop.time() + item / 1000)
    got = [await asyncio.wait_for(looked.get(), 5) for _ in range(3)]
    assert got == [1, 2, 3]
