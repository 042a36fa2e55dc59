"""Make the runs that events of assets call for, where the commit of the event has not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from bide.control.deliver_assets import deliver
from bide.engine.scheduler.duty import Next
from bide.store import Store, Topic, Tx, asset_events
from bide.store.claiming import decide_alone

#: Runs made in one transaction.
_BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class DeliverAssets:
    """DAGs that have got events of assets get the runs that their schedule says."""

    store: Store
    name: ClassVar[str] = "deliver_assets"
    topics: ClassVar[tuple[Topic, ...]] = ("assets",)

    async def run(self) -> Next:
        """Make what there is to be made."""
        return await self.store.write(self._work)

    def _work(self, tx: Tx) -> Next:
        if not asset_events.any_marks(tx):
            return Next()
        decide_alone(tx, "deliver_assets")
        deliver(tx, _BATCH)
        tx.hush("assets")
        return Next(again=asset_events.any_marks(tx))
