"""Forget callback URLs and signals whose time has long been over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Final

from bide.engine.scheduler.duty import Next
from bide.store import Store, Topic, Tx, signals

_BATCH: Final = 500
#: So long after its end a callback URL is still told from one that there never was.
KEPT_AFTER: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class ForgetSignals:
    """Delete what expired a week ago, so that the table follows the work at hand."""

    store: Store
    name: ClassVar[str] = "forget_signals"
    topics: ClassVar[tuple[Topic, ...]] = ()

    async def run(self) -> Next:
        """Forget what is due."""
        following = await self.store.read(signals.next_expiry)
        if following is None or following + KEPT_AFTER > self.store.clock.now():
            return Next(due_at=None if following is None else following + KEPT_AFTER)
        return await self.store.write(self._work)

    def _work(self, tx: Tx) -> Next:
        again = signals.delete_expired(tx, tx.now - KEPT_AFTER, _BATCH) == _BATCH
        following = signals.next_expiry(tx)
        return Next(again=again, due_at=None if following is None else following + KEPT_AFTER)
