"""What people want to know of all waits: how many, how fast, and which of them nobody serves."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from bide.model.dag_modules import shown
from bide.store import Store, Tx
from bide.store.views import WaitView
from bide.store.wait_statistics import WaitCount, count_waits, resume_lags
from bide.wire.statistics import LookTimes, TriggererStatistics

#: Kinds that need a triggerer.
SERVED: Final = frozenset({"poll", "stream", "start"})
#: A wait that is younger is about to be taken.
_SOON: Final = timedelta(seconds=5)


class Lags(NamedTuple):
    """Seconds from an event to the task's running again, of the latest resumes."""

    resumes: int
    median: float | None = None
    p95: float | None = None
    longest: float | None = None


class WaitStatistics(NamedTuple):
    """All waits of a store."""

    counts: list[WaitCount]
    lags: Lags
    triggerers: list[TriggererStatistics]

    @property
    def looks(self) -> LookTimes:
        """Of all triggerers together."""
        return sum((one.looks for one in self.triggerers), LookTimes())


async def wait_statistics(store: Store, triggerers: Sequence[TriggererStatistics]) -> WaitStatistics:
    """The numbers; `triggerers` are those that are alive."""

    def read(tx: Tx) -> WaitStatistics:
        return WaitStatistics(count_waits(tx), _lags(resume_lags(tx)), list(triggerers))

    return await store.read(read)


def _lags(found: Sequence[float]) -> Lags:
    if not found:
        return Lags(0)
    last = len(found) - 1
    return Lags(len(found), found[last // 2], found[round(last * 0.95)], found[-1])


def why_unserved(
    wait: WaitView, triggerers: Sequence[TriggererStatistics], lost: Collection[str], now: datetime
) -> str | None:
    """Why nobody looks after `wait`, and what to do; None if somebody does, or it needs nobody.

    `lost` are sessions whose engines are gone.
    """
    if wait.kind not in SERVED:
        return None
    mine = [one for one in triggerers if one.only_run in (None, wait.run_uid)]
    if not mine:
        return "no triggerer is alive: start `bide standalone`, or `bide triggerer`"
    if wait.session is not None and wait.session not in lost:
        return None
    serving = [one for one in mine if one.queues is None or wait.queue in one.queues]
    if not serving:
        return f"no triggerer serves queue {wait.queue!r}: start one with --queues {wait.queue}"
    if all(one.is_full for one in serving):
        full = ", ".join(f"{one.name} holds {one.holding} of {one.capacity}" for one in serving)
        return f"all triggerers that may take it are full ({full}): raise --capacity, or start another one"
    if any(wait.classpath in one.quarantined for one in serving):
        return (
            f"{shown(wait.classpath)} is in quarantine, since it has blocked the event loop: it waits for a thread"
        )
    if now - wait.armed_at < _SOON:
        return None
    return f"not taken yet by {serving[0].name}, which has room: see its log"
