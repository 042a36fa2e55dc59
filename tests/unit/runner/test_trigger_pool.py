from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bide.authoring.trigger import BaseTrigger, PollTrigger, TriggerEvent
from bide.runner.held_trigger import Held
from bide.runner.trigger_pool import TriggerPool
from bide.wire.messages import InstanceKey, TriggerDropped, TriggerEnded, TriggerLoad


class Counted:
    def __init__(self) -> None:
        self.cleanups = 0
        self.runs = 0

    async def cleanup(self) -> None:
        self.cleanups += 1


class Stream(Counted, BaseTrigger):
    def serialize(self) -> Any: ...

    async def run(self) -> AsyncIterator[TriggerEvent]:
        self.runs += 1
        await asyncio.sleep(1000)
        yield TriggerEvent()


class Poll(Counted, PollTrigger):
    def serialize(self) -> Any: ...

    async def poll(self) -> TriggerEvent | None:
        self.runs += 1
        await asyncio.sleep(1000)
        return None


def held(trigger: BaseTrigger, path: Path, wait_id: str = "w1") -> Held:
    load = TriggerLoad(
        wait_id, 1, "stream", "x.Y", b"{}", InstanceKey("i", "d", "r", "t"), 1, "f", str(path), str(path / "log"),
        interval=0.001,
    )  # fmt: skip
    return Held(load, trigger)


@pytest.fixture
def told() -> list[TriggerEnded | TriggerDropped]:
    return []


@pytest.fixture
async def pool(told: list[TriggerEnded | TriggerDropped]) -> TriggerPool:
    return TriggerPool(asyncio.get_running_loop(), told.append)


@pytest.mark.parametrize("kind", [Stream, Poll])
@pytest.mark.parametrize("turns", range(6))
async def test_a_drop_cleans_up_once_whenever_it_comes(
    pool: TriggerPool, told: list[TriggerEnded | TriggerDropped], tmp_path: Path, kind: type[Any], turns: int
) -> None:
    trigger = kind()
    pool.add(held(trigger, tmp_path))
    for _ in range(turns):
        await asyncio.sleep(0)
    over = pool.drop("w1", tell=True)
    assert over is not None
    await asyncio.wait_for(over.wait(), 5)
    while not told:
        await asyncio.sleep(0)
    assert told == [TriggerDropped("w1")]
    assert trigger.cleanups == 1
    assert len(pool) == 0
    assert pool.drop("w1", tell=True) is None


async def test_dropped_looks_make_room_for_others(pool: TriggerPool, tmp_path: Path) -> None:
    """The number of looks under way is limited; one that ends in whatever way must not count on."""
    for number in range(1500):
        pool.add(held(Poll(), tmp_path, f"w{number}"))
    for turn in range(60):
        await asyncio.sleep(0.001 if turn % 20 == 0 else 0)
    for number in range(1500):
        pool.drop(f"w{number}", tell=False)
    last = Poll()
    pool.add(held(last, tmp_path, "last"))
    while not last.runs:
        await asyncio.sleep(0)
    await pool.close(5)


async def test_closing_waits_for_cleanups_but_not_for_ever(pool: TriggerPool, tmp_path: Path) -> None:
    class Stuck(Stream):
        async def cleanup(self) -> None:
            self.cleanups += 1
            await asyncio.sleep(1000)

    trigger = Stuck()
    pool.add(held(trigger, tmp_path))
    await asyncio.sleep(0)
    await pool.close(0.05)
    assert trigger.cleanups == 1
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
