"""Answers the API's live questions from the engine of the same process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from bide.api.live import Pulse
from bide.engine.service import Engine
from bide.model.clock import Clock
from bide.wire.progress import Progress
from bide.wire.statistics import TriggererStatistics


class EngineLive:
    """:class:`bide.api.live.Live` over an engine that serves."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def pulses(self) -> Mapping[str, Pulse]:
        """The engine's parts; the scheduler is as healthy as the least healthy of its duties."""
        duties = self._engine.health().values()
        runs = [duty["last_run"] for duty in duties if duty["last_run"] is not None]
        healthy = not any(duty["last_error"] for duty in duties)
        now = self._clock.now()
        # These two live in this loop: that it answers is their heartbeat.
        others = {name: Pulse(alive, now if alive else None) for name, alive in self._engine.alive().items()}
        return {"scheduler": Pulse(healthy, max(runs, default=None)), **others}

    async def next_looks(self, wait_ids: Sequence[str]) -> Mapping[str, datetime]:
        """When polls are looked at next, for those that the triggerer holds."""
        looks = await self._engine.next_looks(wait_ids)
        return {wait_id: datetime.fromtimestamp(at, UTC) for wait_id, at in looks.items()}

    async def progress(self, wait_ids: Sequence[str]) -> Mapping[str, Progress]:
        """How far the work outside is, for those that the triggerer holds and that have said so."""
        return await self._engine.progress(wait_ids)

    async def triggerers(self) -> Sequence[TriggererStatistics]:
        """The engine's own one, if it has one."""
        found = await self._engine.statistics()
        return [] if found is None else [found]

    async def where(self, wait_ids: Sequence[str]) -> Mapping[str, str]:
        """The runner process by wait id, for those that one holds."""
        return self._engine.where(wait_ids)
