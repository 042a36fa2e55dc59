"""Have called what endings without a worker ask for: callbacks of DAG files, listeners of plugins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

from bide.control.ending_callbacks import claim_callbacks
from bide.engine.scheduler.duty import Next
from bide.engine.scheduler.scope import Scope
from bide.model.log_path import LogLayout
from bide.store import Store, Topic, callback_requests
from bide.wire.messages import RunCallbacks as Orders

#: Requests leased at once.
_BATCH: Final = 100


class CallsBack(Protocol):
    """Whoever calls them: :class:`bide.engine.callback_runners.CallbackRunners`."""

    def submit(self, orders: Sequence[Orders]) -> None:
        """Take over `orders`, which are leased; returns at once."""
        ...


@dataclass(frozen=True, slots=True)
class RunCallbacks:
    """Leases requests that are due and hands them to task runners of their own."""

    store: Store
    runners: CallsBack
    scope: Scope
    session: str
    logs: LogLayout
    name: ClassVar[str] = "run_callbacks"
    topics: ClassVar[tuple[Topic, ...]] = ("callbacks",)

    async def run(self) -> Next:
        """Hand over what is due."""
        due_at = await self.store.read(lambda tx: callback_requests.next_due(tx, self.scope.only_run))
        if due_at is None or due_at > self.store.clock.now():
            return Next(due_at=due_at)
        orders = await claim_callbacks(self.store, self.session, _BATCH, logs=self.logs, only=self.scope.only_run)
        self.runners.submit(orders)
        return Next(again=len(orders) == _BATCH)
