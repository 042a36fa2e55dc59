"""Hand scheduled instances to the executor, as many as it has free slots."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import structlog

from bide.control.queue_tasks import Who, queue_tasks
from bide.engine import faults
from bide.engine.executors.contract import Executor
from bide.engine.scheduler.duty import Next
from bide.store import Store, Topic

log = structlog.get_logger("bide.scheduler")


@dataclass(frozen=True, slots=True)
class QueueTasks:
    """scheduled → queued, in the order of resumes, weights and age."""

    store: Store
    executor: Executor
    who: Who
    #: What was said already of tasks that wait in vain.
    _told: set[str] = field(default_factory=set[str], init=False, repr=False, compare=False)
    name: ClassVar[str] = "queue_tasks"
    topics: ClassVar[tuple[Topic, ...]] = ("scheduled", "slots", "dags")

    async def run(self) -> Next:
        """Queue what fits and hand it over."""
        slots = self.executor.free_slots()
        if slots <= 0:
            return Next()
        async with faults.around("claim"):
            queued = await self.store.write(lambda tx: queue_tasks(tx, slots, self.who))
        if queued.claims:
            self.executor.submit(queued.claims)
        for reason in queued.in_vain:
            if reason not in self._told:
                self._told.add(reason)
                log.warning("tasks_wait_in_vain", reason=reason)
        # With slots left over, all that may be queued now is queued; the bell rings for more.
        return Next(again=len(queued.claims) == slots)
