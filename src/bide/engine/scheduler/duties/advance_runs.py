"""Let runs go on that something other than the end of a task has moved: see :mod:`bide.control.advance_runs`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from bide.control.advance_runs import advance_marked
from bide.engine.scheduler.duty import Next
from bide.engine.scheduler.scope import Scope
from bide.store import Store, Topic, Tx

#: Marks read in one transaction.
_BATCH: Final = 1_000


@dataclass(frozen=True, slots=True)
class AdvanceRuns:
    """The cost of a round follows the number of marks, not the size of the run or of the history."""

    store: Store
    scope: Scope
    name: ClassVar[str] = "advance_runs"
    topics: ClassVar[tuple[Topic, ...]] = ("marks",)

    async def run(self) -> Next:
        """Work off the oldest marks."""
        return await self.store.write(self._work)

    def _work(self, tx: Tx) -> Next:
        only = None if self.scope.only_run is None else [self.scope.only_run]
        return Next(again=advance_marked(tx, _BATCH, only) == _BATCH)
