"""The bell: who is woken, by what, and when."""

from __future__ import annotations

import asyncio

import pytest

from bide.store import Bell, Store
from bide.store.bell import TOPICS

pytestmark = pytest.mark.usefixtures("no_blocking")


async def test_a_listener_hears_its_topics_only() -> None:
    bell = Bell()
    runs, both = bell.listen("runs"), bell.listen("runs", "marks")
    bell.ring("marks")
    assert not await runs.wait(0)
    assert await both.wait(0)
    assert not await both.wait(0), "a ring is heard once"


async def test_a_ring_between_two_waits_is_kept() -> None:
    bell = Bell()
    listener = bell.listen("runs")
    bell.ring("runs")
    bell.ring("runs")
    assert await listener.wait()
    assert not await listener.wait(0)


async def test_a_listener_hears_nothing_from_before() -> None:
    bell = Bell()
    bell.ring("runs")
    assert not await bell.listen("runs").wait(0)


async def test_who_waits_is_woken() -> None:
    bell = Bell()
    listener = bell.listen("runs")
    waiting = asyncio.create_task(listener.wait())
    await asyncio.sleep(0)
    bell.ring("runs")
    async with asyncio.timeout(5):
        assert await waiting


async def test_who_stops_waiting_keeps_the_next_ring() -> None:
    bell = Bell()
    listener = bell.listen("runs")
    waiting = asyncio.create_task(listener.wait())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    bell.ring("runs")
    assert await listener.wait(0)


async def test_one_can_be_woken_alone() -> None:
    bell = Bell()
    one, other = bell.listen("runs"), bell.listen("runs")
    one.wake()
    assert await one.wait(0)
    assert not await other.wait(0)


async def test_who_left_is_not_woken() -> None:
    bell = Bell()
    listener = bell.listen("runs")
    bell.leave(listener)
    bell.ring("runs")
    assert not await listener.wait(0)


async def test_local_rings_are_relayed_and_relayed_ones_are_not() -> None:
    bell = Bell()
    sent: list[frozenset[str]] = []
    stop = bell.relay(sent.append)
    bell.ring("runs", "marks")
    bell.ring("dags", relayed=True)
    stop()
    bell.ring("runs")
    assert sent == [{"runs", "marks"}]


async def test_a_relay_may_stop_itself_while_it_is_called() -> None:
    bell = Bell()
    heard: list[str] = []

    def once(_rung: object) -> None:
        heard.append("first")
        stop()

    stop = bell.relay(once)
    bell.relay(lambda _rung: heard.append("second"))
    bell.ring("runs")
    bell.ring("runs")
    assert heard == ["first", "second", "second"]


async def test_a_transaction_rings_when_it_is_durable_and_once_per_group(store: Store) -> None:
    relayed: list[frozenset[str]] = []
    store.bell.relay(relayed.append)
    listener = store.bell.listen("runs")
    await asyncio.gather(*(store.write(lambda tx: tx.ring("runs")) for _ in range(3)))
    assert await listener.wait(0)
    assert set(relayed) == {frozenset({"runs"})}
    assert len(relayed) <= 3


def test_topics_are_what_listeners_may_ask_for() -> None:
    assert {
        "runs",
        "marks",
        "scheduled",
        "timers",
        "waits",
        "drops",
        "slots",
        "cancels",
        "dags",
        "history",
    } <= TOPICS
