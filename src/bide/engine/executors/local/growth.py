"""When to fork another worker: a pure decision.

A fork with the import of a DAG file costs more than many short tasks, so a claim of a file that has workers
waits a moment for one of them. Where they run long, or are too few, there are more, up to the executor's
parallelism: soon where processors idle, step by step where they don't. A short burst of claims that
its workers will be through with in no time, at the pace of the last ones, needs none: for tasks of a few
milliseconds, a few workers are quicker than many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

#: Seconds in which some worker of a file should come free before the file gets more, if processors idle.
PATIENCE: Final = 0.02
#: Seconds that a claim should wait at most where processors idle, though workers come free.
SHORT_WAIT: Final = 0.05
#: Seconds that a claim should wait at most where they don't: while no worker comes free, and while some do.
STUCK_WAIT: Final = 0.25
LONG_WAIT: Final = 0.5
#: Seconds in which the workers of a file should be through with its claims, for it to need no more workers.
SOON: Final = 0.1
#: Idle processors from which on it is said that they idle.
IDLE_CORES: Final = 0.5
#: Forks in flight at once.
MAX_FORKING: Final = 4


@dataclass(frozen=True, slots=True)
class Demand:
    """Claims of one DAG file for which no worker is free."""

    file: str
    #: How many, and since when the oldest waits.
    claims: int
    oldest: float
    #: Workers that have loaded this file. None of them is free.
    workers: int
    #: When a worker of this file was free last.
    last_free: float
    #: Since when there have always been such claims.
    since: float
    #: Seconds that a worker has lately been busy with one task of this file.
    pace: float = inf
    #: Of `claims`, those started already, on a worker that then could not run them. They come first.
    urgent: int = 0


@dataclass(frozen=True, slots=True)
class Machine:
    """What workers there are, and what they may use. A worker that is on its way may serve any file."""

    busy: int
    forking: int
    #: Processes that may be added; idle workers of other files don't count, since they can go.
    room: int
    cores: int
    #: Processors without work.
    idle_cores: float
    #: When the last worker was forked for a file that had some.
    last_growth: float


@dataclass(frozen=True, slots=True)
class Growth:
    """What to do now, and when to look again."""

    #: Workers to fork.
    forks: int
    #: Whether some of them are for a file that has workers.
    grows: bool = False
    #: Moment at which the answer will be another one by itself, or None.
    again_at: float | None = None


def decide_growth(demands: Sequence[Demand], machine: Machine, now: float) -> Growth:
    """How many workers to fork; `demands` are in the order of their oldest claim."""
    most = max(0, min(machine.room, MAX_FORKING - machine.forking))
    coming = machine.forking
    wanted = 0
    grows = False
    again_at: float | None = None
    for demand in demands:
        first = 1 if demand.workers == 0 else 0
        unused = max(0, machine.cores - machine.busy - machine.forking - wanted)
        at_once = min(demand.claims, max(demand.urgent, first, coming + unused))
        more, look_again = _more(demand, machine, now)
        count = min(demand.claims, max(at_once, more))
        covered = min(coming, count)
        coming -= covered
        wanted += count - covered
        grows = grows or (count > at_once and count > covered)
        if count < demand.claims and look_again is not None:
            again_at = look_again if again_at is None else min(again_at, look_again)
    return Growth(min(wanted, most), grows and most > 0, again_at)


def _more(demand: Demand, machine: Machine, now: float) -> tuple[int, float | None]:
    """How many workers a file that has some should get now for having waited, and when that will change."""
    idle = machine.idle_cores >= IDLE_CORES and not _through_soon(demand, now)
    stuck_at = max(demand.oldest, demand.last_free) + PATIENCE
    stuck = now - demand.last_free >= STUCK_WAIT
    step = SHORT_WAIT if idle else STUCK_WAIT if stuck else LONG_WAIT
    step_at = max(demand.oldest, machine.last_growth) + step
    if idle and now >= stuck_at:
        return demand.claims, None
    if now >= step_at:
        return machine.cores, now + step
    # Processors that work now may idle then.
    return 0, min(stuck_at if stuck_at > now else now + PATIENCE, step_at)


def _through_soon(demand: Demand, now: float) -> bool:
    """Whether this is a burst that its workers will soon be through with, if they keep the pace.

    They don't if none comes free. And it is no burst if more claims come all the time: what waits here is never
    more than the executor has slots.
    """
    keeps_on = now - max(demand.oldest, demand.last_free) < SHORT_WAIT
    is_burst = now - demand.since < SOON
    return is_burst and keeps_on and demand.claims * demand.pace <= demand.workers * SOON
