"""The engines that serve the project's store: one that holds its file, or those that share its database."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from bide.cli.opening import open_any_store
from bide.config.resolved import Config
from bide.engine.bell_socket import EngineClient, socket_path
from bide.engine.lock import find_holder
from bide.engine.membership import store_family
from bide.engine.parts import Part
from bide.store import Store, sessions
from bide.store.migrate import schema_state
from bide.wire.statistics import TriggererStatistics

#: Kinds of engines that make all runs go on, those that run triggers, and those that read DAG files.
SCHEDULING: Final = frozenset({"standalone", str(Part.SCHEDULER)})
TRIGGERING: Final = frozenset({"standalone", "run", str(Part.TRIGGERER)})
PARSING: Final = frozenset({"standalone", str(Part.DAG_PROCESSOR)})


class RunningEngine(NamedTuple):
    """One engine that serves the store now."""

    #: ``standalone``, ``run``, or the part that it is; empty for one that starts this moment.
    kind: str
    pid: int
    hostname: str
    #: The way to talk to it; None for one on another host.
    client: EngineClient | None

    def __str__(self) -> str:
        return f"bide {self.kind}, process {self.pid}" + ("" if self.client else f" on {self.hostname}")


async def find_engines(config: Config, store: Store | None = None) -> list[RunningEngine]:
    """All of them, the longest running first; `store` is the project's, if it is open already."""
    if not config.is_shared:
        holder = find_holder(config.store_path)
        if holder is None:
            return []
        client = EngineClient(Path(holder.socket)) if holder.socket else None
        return [RunningEngine(holder.kind, holder.pid, socket.gethostname(), client)]
    if store is None:
        async with open_any_store(config) as opened:
            return await find_engines(config, opened)
    return await _of_sessions(config, store) if schema_state(store).is_current else []


async def live_engines(config: Config, store: Store) -> list[RunningEngine]:
    """As :func:`find_engines`, also where the schema is another one, as far as that can tell."""
    if config.is_shared and schema_state(store).revision is not None:
        return await _of_sessions(config, store)
    return await find_engines(config, store)


async def _of_sessions(config: Config, store: Store) -> list[RunningEngine]:
    here = socket.gethostname()
    found: list[RunningEngine] = []
    for one in await store.read(sessions.live):
        if one.lost_at is not None and one.lost_at >= store.clock.now():
            path = socket_path(config.home, store_family(config), one.pid)
            client = EngineClient(path) if one.hostname == here else None
            found.append(RunningEngine(one.kind, one.pid, one.hostname, client))
    return found


async def scheduler_runs(config: Config, store: Store | None = None) -> bool:
    """Whether an engine makes the runs of this store go on."""
    engines = await find_engines(config, store)
    return bool(engines) if not config.is_shared else any(one.kind in SCHEDULING for one in engines)


async def find_triggerers(config: Config, store: Store) -> list[TriggererStatistics]:
    """How the triggerers are that serve the store; those on other hosts are known by name and queues only."""
    engines = [one for one in await find_engines(config, store) if one.kind in TRIGGERING]
    told: dict[str, Any] = await ask_all(engines, "statistics", None)
    answers = [msgspec.convert(one, TriggererStatistics) for one in told.values()]
    queues = {(one.hostname, one.pid): one.queues for one in await store.read(sessions.live)}
    distant = [one for one in engines if one.client is None]
    return answers + [TriggererStatistics(str(one), queues=queues.get((one.hostname, one.pid))) for one in distant]


async def ask_all(engines: Collection[RunningEngine], question: str, of: Any) -> dict[str, Any]:
    """The answers of all that can be asked, in one."""
    clients = [one.client for one in engines if one.client is not None]
    answers: list[dict[str, Any] | None] = await asyncio.gather(*(client.ask(question, of) for client in clients))
    return {key: value for answer in answers for key, value in (answer or {}).items()}
