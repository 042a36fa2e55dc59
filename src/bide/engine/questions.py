"""What commands and other processes may ask a running engine over its socket, answered in JSON's types."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from bide.store import Store
from bide.wire.progress import Progress
from bide.wire.statistics import TriggererStatistics

Question = Callable[[Any], Awaitable[Any]]


class Asked(Protocol):
    """The engine, as far as it can be asked."""

    @property
    def store(self) -> Store: ...
    @property
    def shortage(self) -> str: ...
    async def next_looks(self, wait_ids: Sequence[str]) -> dict[str, float]: ...
    async def progress(self, wait_ids: Sequence[str]) -> dict[str, Progress]: ...
    async def statistics(self) -> TriggererStatistics | None: ...
    def where(self, wait_ids: Sequence[str]) -> dict[str, str]: ...


def questions_to(engine: Asked) -> Mapping[str, Question]:
    """Each question by its name."""

    async def next_looks(wait_ids: Any) -> dict[str, float]:
        return await engine.next_looks(_texts(wait_ids))

    async def progress(wait_ids: Any) -> dict[str, Any]:
        return msgspec.to_builtins(await engine.progress(_texts(wait_ids)))

    async def where(wait_ids: Any) -> dict[str, str]:
        return engine.where(_texts(wait_ids))

    async def unclaimed(wait_ids: Any) -> dict[str, str]:
        """Why the engine has not taken these waits, if it takes none."""
        return dict.fromkeys(_texts(wait_ids), engine.shortage) if engine.shortage else {}

    async def statistics(_of: Any) -> dict[str, Any]:
        found = await engine.statistics()
        return {} if found is None else {found.name: msgspec.to_builtins(found)}

    async def keys(_of: Any) -> list[str]:
        """Fingerprints of the keys that it has by now, the one that encrypts first."""
        await asyncio.to_thread(engine.store.keys.reload)
        return engine.store.keys.fingerprints

    return {
        "next_looks": next_looks,
        "progress": progress,
        "where": where,
        "unclaimed": unclaimed,
        "statistics": statistics,
        "keys": keys,
    }


def _texts(values: Any) -> list[str]:
    return [str(one) for one in values]
