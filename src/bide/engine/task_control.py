"""The executor's commands on a real store, with the fault points around their commits."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final

from bide.control import ending_callbacks, lose_task, runner_requests, start_tasks
from bide.control.claims import Claim
from bide.control.mint_callback import CallbackAddress, no_address
from bide.engine import faults
from bide.engine.faults import Commit
from bide.engine.task_log import TaskLog
from bide.model.log_path import LogLayout
from bide.store import Store
from bide.wire.messages import Defer, Finish, Frame, Reply, RunTask

_COMMITS: Final[dict[type, Commit]] = {Defer: "defer", Finish: "finish"}


class StoreTaskControl:
    """:class:`~bide.engine.executors.contract.TaskControl` of one engine session."""

    def __init__(
        self, store: Store, session: str, logs: LogLayout, *, address: CallbackAddress = no_address
    ) -> None:
        """`address` is where callbacks arrive."""
        self._store = store
        self._address = address
        self._session = session
        self._logs = logs
        self._task_log = TaskLog(store, logs)

    async def start_tasks(self, claims: Sequence[Claim]) -> list[RunTask]:
        """See the contract."""
        async with AsyncExitStack() as commits:
            if any(claim.is_resume for claim in claims):
                await commits.enter_async_context(faults.around("resume"))
            if not all(claim.is_resume for claim in claims):
                await commits.enter_async_context(faults.around("start"))
            return await start_tasks.start_tasks(self._store, claims, session=self._session, logs=self._logs)

    async def answer(self, frame: Frame) -> Reply:
        """See the contract."""
        commit = _COMMITS.get(type(frame.body))
        if commit is None:
            return await runner_requests.answer(self._store, frame, address=self._address)
        async with faults.around(commit):
            return await runner_requests.answer(self._store, frame, address=self._address)

    async def lose_task(self, instance_id: str, epoch: int, *, error: str) -> bool:
        """See the contract."""
        lost = await lose_task.lose_task(self._store, instance_id, epoch, error=error)
        if lost:
            await self._task_log.append({instance_id: error})
        return lost

    async def give_back_callbacks(self, instance_id: str, epoch: int) -> None:
        """See the contract."""
        await ending_callbacks.give_back_callbacks(self._store, instance_id, epoch)

    async def give_back(self, claims: Sequence[Claim]) -> None:
        """See the contract."""
        await lose_task.give_back(self._store, claims)

    async def give_up_running(self, held: Sequence[tuple[str, int]], *, counted: bool) -> None:
        """See the contract."""
        await lose_task.give_up_running(self._store, held, by="executor", counted=counted)
