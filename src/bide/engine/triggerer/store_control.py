"""The triggerer's commands on a real store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from bide.control import (
    accept_event,
    arm_starts,
    cancel_external,
    claim_waits,
    runner_requests,
    shared_streams,
    watch_assets,
)
from bide.control.accept_event import WaitEnding
from bide.control.arm_starts import ArmedStart
from bide.engine.task_log import TaskLog
from bide.model.log_path import LogLayout
from bide.store import Store, waits
from bide.wire.messages import Frame, Reply, RunOnKill, StartLoad, TriggerLoad
from bide.wire.stream_messages import MessageKey, SaveCheckpoint

#: Ids in one statement; SQLite takes at most 32,766 parameters.
_IDS: Final = 5_000


class StoreControl:
    """:class:`~bide.engine.triggerer.contract.TriggerControl` of one engine session.

    `logs` says where each try's log lies; `only` the uid of the one run that the engine serves, None for all;
    `queues` whose triggers it runs, None for all.
    """

    def __init__(
        self,
        store: Store,
        session: str,
        *,
        logs: LogLayout,
        only: str | None = None,
        queues: Collection[str] | None = None,
    ) -> None:
        self._store = store
        self._session = session
        self._logs = logs
        self._task_log = TaskLog(store, logs)
        self._only = only
        self._queues = queues

    async def claim_waits(self, limit: int) -> list[TriggerLoad]:
        return await claim_waits.claim_waits(
            self._store, self._session, limit, logs=self._logs, only=self._only, queues=self._queues
        )

    async def claim_watchers(self, limit: int) -> list[TriggerLoad]:
        if self._only is not None:
            return []
        return await watch_assets.claim_watchers(
            self._store, self._session, limit, logs=self._logs, queues=self._queues
        )

    async def next_watcher(self) -> datetime | None:
        return None if self._only is not None else await watch_assets.next_retry(self._store)

    async def claim_starts(self, limit: int) -> list[StartLoad]:
        return await arm_starts.claim_starts(self._store, self._session, limit, logs=self._logs, only=self._only)

    async def arm_start(self, start: ArmedStart) -> None:
        await arm_starts.arm_start(self._store, start)

    async def answer(self, frame: Frame) -> Reply:
        return await runner_requests.answer_waiting(self._store, frame)

    async def release_waits(self, wait_ids: Sequence[str] | None = None) -> None:
        if wait_ids is None:
            await claim_waits.release_waits(self._store, self._session)
            return
        for start in range(0, len(wait_ids), _IDS):
            await claim_waits.release_waits(self._store, self._session, wait_ids[start : start + _IDS])

    async def held_waits(self) -> set[str]:
        return await claim_waits.held_waits(self._store, self._session)

    async def accept_many(self, endings: Sequence[WaitEnding]) -> set[str]:
        untold = {one.wait_id: one.error for one in endings if one.error and not one.is_logged}
        if not untold:
            return await accept_event.accept_many(self._store, endings)
        rows = await self._store.read(lambda tx: waits.get_many(tx, untold))
        accepted = await accept_event.accept_many(self._store, endings)
        failed = {row.instance_uid: untold[uid] for uid, row in rows.items() if uid in accepted}
        await self._task_log.append(failed)
        return accepted

    async def taken(self, messages: Collection[MessageKey]) -> set[MessageKey]:
        return await shared_streams.taken(self._store, messages)

    async def save_checkpoint(self, order: SaveCheckpoint) -> bool:
        return await shared_streams.save_checkpoint(self._store, self._session, order)

    async def claim_obligations(self, limit: int) -> list[RunOnKill]:
        return await cancel_external.claim_obligations(
            self._store, self._session, limit, logs=self._logs, only=self._only
        )

    async def next_obligation(self) -> datetime | None:
        return await cancel_external.next_obligation(self._store, only=self._only)

    async def settle(self, order: RunOnKill, error: str) -> None:
        await cancel_external.settle_obligation(self._store, self._session, order, error)
