"""Let tasks go on that wait for other runs, or for tasks of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from bide.control.watch_runs import settle_watches
from bide.engine.scheduler.duty import Next
from bide.engine.scheduler.scope import Scope
from bide.store import Store, Topic, Tx, watches
from bide.store.claiming import decide_alone

_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class SettleWatches:
    """Only what has changed is looked at: whoever changes a run that is watched says so."""

    store: Store
    scope: Scope
    name: ClassVar[str] = "settle_watches"
    topics: ClassVar[tuple[Topic, ...]] = ("watches",)

    async def run(self) -> Next:
        """Look at what has changed."""
        if not await self.store.read(lambda tx: watches.touched(tx, 1, self.scope.only_run)):
            return Next()
        return await self.store.write(self._work)

    def _work(self, tx: Tx) -> Next:
        decide_alone(tx, "settle_watches")
        return Next(again=settle_watches(tx, _BATCH, self.scope.only_run) == _BATCH)
