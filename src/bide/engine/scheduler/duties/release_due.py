"""Schedule again what waits for its retry or its next look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from bide.control.begin_tasks import Ready, begin_again
from bide.engine.scheduler.duty import Next
from bide.engine.scheduler.scope import Scope
from bide.model.states import TaskState
from bide.store import Store, Topic, Tx, instances, runs, specs, transitions
from bide.store.claiming import decide_alone
from bide.store.instances import InstanceRow
from bide.store.transitions import Guard

_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class ReleaseDue:
    """up_for_retry and up_for_reschedule → scheduled (or a wait that the task starts with), when they are due."""

    store: Store
    scope: Scope
    name: ClassVar[str] = "release_due"
    topics: ClassVar[tuple[Topic, ...]] = ("timers",)

    async def run(self) -> Next:
        """Release what is due."""
        return await self.store.write(self._work)

    def _work(self, tx: Tx) -> Next:
        due = instances.due(tx, _BATCH, self.scope.only_run)
        if due and tx.shared:
            decide_alone(tx, "release_due")
            due = instances.due(tx, _BATCH, self.scope.only_run)
        _try_again(tx, [row for row in due if row.state is TaskState.UP_FOR_RETRY])
        sets = {"due_at": None, "scheduled_at": tx.now}
        looks = [Guard(row.uid, row.epoch, sets) for row in due if row.state is TaskState.UP_FOR_RESCHEDULE]
        transitions.apply(tx, "poke_due", looks, by="scheduler")
        return Next(again=len(due) == _BATCH, due_at=instances.next_due(tx, self.scope.only_run))


def _try_again(tx: Tx, rows: Sequence[InstanceRow]) -> None:
    run_rows = runs.get_many(tx, list({row.run_uid for row in rows}))
    by_version: dict[str, list[Ready]] = {}
    for row in rows:
        ready = Ready(row.uid, row.task_id, row.epoch, row.try_number + 1)
        by_version.setdefault(run_rows[row.run_uid].version_uid, []).append(ready)
    for version, ready in by_version.items():
        begin_again(tx, specs.structure_of(tx, version), ready)
