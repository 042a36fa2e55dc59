"""Answers the API's live questions where several engines serve the store: from their sessions and their sockets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from bide.api.live import Pulse
from bide.cli.engines import ask_all, find_engines, find_triggerers
from bide.config.resolved import Config
from bide.engine.parts import Part
from bide.store import Store, sessions
from bide.store.sessions import LiveSession
from bide.wire.progress import Progress
from bide.wire.statistics import TriggererStatistics

#: The API's name of each part.
_NAMES: Final = {
    Part.SCHEDULER: "scheduler",
    Part.TRIGGERER: "triggerer",
    Part.DAG_PROCESSOR: "dag_processor",
}


class SharedLive:
    """:class:`bide.api.live.Live` over all engines of `store`. Those on other hosts can't be asked about waits."""

    def __init__(self, config: Config, store: Store) -> None:
        self._config = config
        self._store = store

    async def pulses(self) -> Mapping[str, Pulse]:
        """Each part is as healthy as the one that spoke last."""
        found = await self._store.read(sessions.live)
        return {name: self._pulse(part, found) for part, name in _NAMES.items()}

    def _pulse(self, part: Part, found: Sequence[LiveSession]) -> Pulse:
        ours = [one for one in found if one.kind in ("standalone", part)]
        newest = max(ours, key=lambda one: one.heartbeat_at, default=None)
        if newest is None:
            return Pulse(False, None)
        lost_at = newest.lost_at
        return Pulse(lost_at is None or lost_at >= self._store.clock.now(), newest.heartbeat_at)

    async def next_looks(self, wait_ids: Sequence[str]) -> Mapping[str, datetime]:
        """When polls are looked at next, for those that an engine on this host holds."""
        looks = await self._ask("next_looks", wait_ids)
        return {wait_id: datetime.fromtimestamp(at, UTC) for wait_id, at in looks.items()}

    async def progress(self, wait_ids: Sequence[str]) -> Mapping[str, Progress]:
        """How far the work outside is, for those that an engine on this host holds and that have said so."""
        found = await self._ask("progress", wait_ids)
        return {wait_id: Progress(**one) for wait_id, one in found.items()}

    async def triggerers(self) -> Sequence[TriggererStatistics]:
        """Those of all engines."""
        return await find_triggerers(self._config, self._store)

    async def where(self, wait_ids: Sequence[str]) -> Mapping[str, str]:
        """The runner process by wait id, for those that one on this host holds."""
        return await self._ask("where", wait_ids)

    async def _ask(self, question: str, wait_ids: Sequence[str]) -> dict[str, Any]:
        if not wait_ids:
            return {}
        return await ask_all(await find_engines(self._config, self._store), question, list(wait_ids))
