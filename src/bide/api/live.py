"""What the API asks of the engine beside it, so that it need not know the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from bide.wire.progress import Progress
from bide.wire.statistics import TriggererStatistics


class Pulse(NamedTuple):
    """How one part of the engine is."""

    healthy: bool
    #: When it last showed that it is alive; None if it never has.
    latest_heartbeat: datetime | None


class Live(Protocol):
    """Live questions: about this moment, so that the store has no answer."""

    async def pulses(self) -> Mapping[str, Pulse]:
        """The parts that run here, among ``scheduler``, ``triggerer`` and ``dag_processor``."""
        ...

    async def next_looks(self, wait_ids: Sequence[str]) -> Mapping[str, datetime]:
        """When these polls are looked at next, for those that are known."""
        ...

    async def progress(self, wait_ids: Sequence[str]) -> Mapping[str, Progress]:
        """How far the work outside is that these wait for, for those whose triggers have said so."""
        ...

    async def triggerers(self) -> Sequence[TriggererStatistics]:
        """The triggerers that are alive; of those on other hosts little is known."""
        ...

    async def where(self, wait_ids: Sequence[str]) -> Mapping[str, str]:
        """Which runner process holds these waits, for those that one holds."""
        ...
