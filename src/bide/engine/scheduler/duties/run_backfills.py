"""Give backfills their runs, as there is room for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bide.control.run_backfills import go_on, has_turn
from bide.engine.scheduler.duty import Next
from bide.store import Store, Topic, Tx, backfills
from bide.store.claiming import decide_alone


@dataclass(frozen=True, slots=True)
class RunBackfills:
    """Runs of a backfill are made some at a time, so that it never has many more of them than may be under way."""

    store: Store
    name: ClassVar[str] = "run_backfills"
    topics: ClassVar[tuple[Topic, ...]] = ("backfills", "dags")

    async def run(self) -> Next:
        """Go on with those that have room."""
        if not await self.store.read(lambda tx: any(has_turn(tx, row) for row in backfills.active(tx))):
            return Next()
        return await self.store.write(self._work)

    def _work(self, tx: Tx) -> Next:
        decide_alone(tx, "run_backfills")
        more = [go_on(tx, row) for row in backfills.active(tx, locked=True)]
        return Next(again=any(more))
