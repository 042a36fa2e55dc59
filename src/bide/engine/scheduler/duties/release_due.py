"""Schedule again what waits for its retry or its next look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from bide.engine.scheduler.duty import Next
from bide.engine.scheduler.scope import Scope
from bide.model.states import TaskState
from bide.store import Store, Topic, Tx, instances, transitions
from bide.store.transitions import Guard

_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class ReleaseDue:
    """up_for_retry and up_for_reschedule → scheduled, when they are due."""

    store: Store
    scope: Scope
    name: ClassVar[str] = "release_due"
    topics: ClassVar[tuple[Topic, ...]] = ("timers",)

    async def run(self) -> Next:
        """Release what is due."""
        return await self.store.write(self._work)

    def _work(self, tx: Tx) -> Next:
        due = instances.due(tx, _BATCH, self.scope.only_run)
        common = {"due_at": None, "scheduled_at": tx.now}
        retries = [
            # A new try starts from nothing: its own start, its own deadline, its own count of rescues.
            Guard(
                row.uid,
                row.epoch,
                {
                    **common,
                    "try_number": row.try_number + 1,
                    "start_date": None,
                    "end_date": None,
                    "duration": None,
                    "deadline": None,
                    "rescues": 0,
                },
            )
            for row in due
            if row.state is TaskState.UP_FOR_RETRY
        ]
        looks = [Guard(row.uid, row.epoch, common) for row in due if row.state is TaskState.UP_FOR_RESCHEDULE]
        transitions.apply(tx, "retry_due", retries, by="scheduler")
        transitions.apply(tx, "poke_due", looks, by="scheduler")
        return Next(again=len(due) == _BATCH, due_at=instances.next_due(tx, self.scope.only_run))
