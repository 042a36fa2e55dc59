"""Tell of tasks and runs that have not ended by their deadline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import structlog

from bide.control.deadlines import look_at_due
from bide.engine.scheduler.duty import Next
from bide.engine.scheduler.scope import Scope
from bide.store import Store, Topic, Tx, deadlines

log = structlog.get_logger("bide.deadlines")

_BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class MissDeadlines:
    """Looks at each deadline once, when it is due."""

    store: Store
    scope: Scope
    name: ClassVar[str] = "miss_deadlines"
    topics: ClassVar[tuple[Topic, ...]] = ("timers",)

    async def run(self) -> Next:
        """Look at what is due."""
        due_at = await self.store.read(lambda tx: deadlines.next_due(tx, self.scope.only_run))
        if due_at is None or due_at > self.store.clock.now():
            return Next(due_at=due_at)
        return await self.store.write(self._work)

    def _work(self, tx: Tx) -> Next:
        due = deadlines.due(tx, _BATCH, self.scope.only_run)
        for one in look_at_due(tx, due):
            log.warning("deadline_missed", dag_id=one.dag_id, task_id=one.task_id, name=one.name, due_at=one.due_at)
        return Next(again=len(due) == _BATCH, due_at=deadlines.next_due(tx, self.scope.only_run))
