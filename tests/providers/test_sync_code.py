"""Triggers of packages that call clients which block, by asgiref."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bide import BaseTrigger, TriggerEvent
from bide.runner.held_trigger import Held
from bide.runner.trigger_pool import TriggerPool
from bide.wire.messages import InstanceKey, TriggerDropped, TriggerEnded, TriggerLoad
from bide.wire.stream_messages import SaveCheckpoint

pytestmark = pytest.mark.providers


class Poll(BaseTrigger):
    """Fires when all of them are in their clients at once."""

    def __init__(self, there: threading.Barrier) -> None:
        super().__init__()
        self.there = there

    def serialize(self) -> Any: ...

    async def run(self) -> AsyncIterator[TriggerEvent]:
        from asgiref.sync import sync_to_async

        await sync_to_async(self.there.wait)(20)
        yield TriggerEvent(await sync_to_async(threading.get_ident)())


async def test_none_holds_up_the_others(tmp_path: Path) -> None:
    import asgiref.sync

    assert asgiref.sync.SyncToAsync is not None
    told: list[TriggerEnded | TriggerDropped | SaveCheckpoint] = []
    pool = TriggerPool(asyncio.get_running_loop(), told.append)
    there = threading.Barrier(3)
    for number in range(3):
        load = TriggerLoad(
            f"w{number}", 1, "stream", "x.Y", b"{}", InstanceKey("i", "d", "r", "t"), 1, "f", str(tmp_path),
            str(tmp_path / "log"),
        )  # fmt: skip
        pool.add(Held(load, Poll(there)))
    async with asyncio.timeout(30):
        while len(told) < 3:
            await asyncio.sleep(0.01)
    assert {type(one) for one in told} == {TriggerEnded}
    outcomes = [one.outcome for one in told if isinstance(one, TriggerEnded)]
    assert len({one.payload for one in outcomes if one is not None}) == 3
    await pool.close(5)
