"""Claims watchers of assets, and hands them to trigger runners."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bide.engine.triggerer.contract import TriggerControl
from bide.engine.triggerer.fleet import Fleet
from bide.engine.triggerer.persistence import persistently
from bide.engine.triggerer.settings import TriggererSettings
from bide.model.clock import Clock
from bide.store.bell import Listener


class WatcherClaims:
    """Claims watchers as long as there is room: as they are made, given back, or have rested after a failure."""

    def __init__(
        self,
        control: TriggerControl,
        fleet: Fleet,
        clock: Clock,
        settings: TriggererSettings,
        *,
        rung: Listener,
        handing_over: asyncio.Lock,
        free: Callable[[], int],
    ) -> None:
        """`handing_over` is held while they pass to a runner; `free` says how many more there may be."""
        self._control = control
        self._fleet = fleet
        self._clock = clock
        self._settings = settings
        self._rung = rung
        self._handing_over = handing_over
        self._free = free

    async def run(self) -> None:
        """Claim until cancelled."""
        while True:
            if not await self._claim_some():
                await self._rung.wait(await self._patience())

    async def _claim_some(self) -> bool:
        """Whether there may be more to claim at once."""
        async with self._handing_over:
            limit = min(self._free(), self._settings.claim_batch)
            if limit <= 0:
                return False
            loads = await persistently(lambda: self._control.claim_watchers(limit), "claim watchers")
            await self._fleet.arm(loads)
        return len(loads) == limit

    async def _patience(self) -> float:
        """Seconds until one that has failed is to run again, or until it is time to look anyway."""
        due = await persistently(self._control.next_watcher, "look for watchers that have failed")
        if due is None:
            return self._settings.safety_poll
        return min(max((due - self._clock.now()).total_seconds(), 0.05), self._settings.safety_poll)
