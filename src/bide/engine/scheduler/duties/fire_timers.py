"""End timers that are due: no trigger runner, no coroutine, just rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from bide.control.accept_event import fire_timers
from bide.engine import faults
from bide.engine.scheduler.duty import Next
from bide.engine.scheduler.scope import Scope
from bide.engine.task_log import TaskLog
from bide.store import Store, Topic, Tx, waits
from bide.store.claiming import decide_alone

_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class FireTimers:
    """Waits of kind timer whose moment has come."""

    store: Store
    scope: Scope
    task_log: TaskLog
    name: ClassVar[str] = "fire_timers"
    topics: ClassVar[tuple[Topic, ...]] = ("timers",)

    async def run(self) -> Next:
        """Fire what is due."""
        due, due_at = await self.store.read(self._look)
        if not due:
            return Next(due_at=due_at)
        async with faults.around("event"):
            failed, following = await self.store.write(self._work)
        await self.task_log.append(failed)
        return following

    def _look(self, tx: Tx) -> tuple[bool, datetime | None]:
        due_at = waits.next_timer(tx, self.scope.only_run)
        return due_at is not None and due_at <= tx.now, due_at

    def _work(self, tx: Tx) -> tuple[dict[str, str], Next]:
        """Fire what is due; the answer has the error of each instance that failed by it."""
        decide_alone(tx, "fire_timers")
        due = waits.due_timers(tx, _BATCH, self.scope.only_run)
        failed = fire_timers(tx, due)
        return failed, Next(again=len(due) == _BATCH, due_at=waits.next_timer(tx, self.scope.only_run))
