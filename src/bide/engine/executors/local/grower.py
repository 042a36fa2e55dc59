"""Forks workers where claims find none; :mod:`~bide.engine.executors.local.growth` decides how many."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Final

from bide.engine.executors.local.growth import Demand, Machine, decide_growth
from bide.engine.executors.local.pending import PendingClaims
from bide.engine.executors.local.pool import WorkerPool
from bide.engine.executors.local.processors import IdleCores
from bide.wire.messages import RunTask

#: How much the last task says of a file's pace; the others say the rest.
_LAST: Final = 0.2


class Grower:
    """Lets `pool` grow up to `parallelism` busy workers, on `cores` processors."""

    def __init__(self, pool: WorkerPool, *, parallelism: int, cores: int) -> None:
        self._pool = pool
        self._parallelism = parallelism
        self._cores = cores
        self._idle_cores = IdleCores(cores)
        self._last_free: dict[str, float] = {}
        self._pace: dict[str, float] = {}
        self._last_growth = -inf
        #: Files with claims that no worker is free for, and since when.
        self._since: dict[str, float] = {}

    def close(self) -> None:
        """No more workers will be needed."""
        self._idle_cores.close()

    def worker_freed(self, file: str, now: float) -> None:
        """A worker of `file` has ended a task."""
        before, self._last_free[file] = self._last_free.get(file, -inf), now
        if (since := self._since.get(file)) is not None:
            took = (now - max(before, since)) * self._pool.serving(file)
            self._pace[file] = (1 - _LAST) * self._pace.get(file, took) + _LAST * took

    def grow(self, pending: PendingClaims, homeless: Iterable[RunTask], now: float) -> float | None:
        """Fork workers for what waits though all that is free is given out; when to look again, if at all."""
        demands = self._demands(pending, homeless, now)
        if demands and not self._since:
            self._idle_cores.restart(now)
        self._since = {demand.file: demand.since for demand in demands}
        if not demands:
            return None
        busy = self._pool.busy
        machine = Machine(
            busy=busy,
            forking=self._pool.forking,
            room=self._parallelism - busy - self._pool.forking,
            cores=self._cores,
            idle_cores=self._idle_cores.measure(now),
            last_growth=self._last_growth,
        )
        growth = decide_growth(demands, machine, now)
        if growth.grows:
            self._last_growth = now
        for _ in range(growth.forks):
            self._pool.fork()
        return growth.again_at

    def _demands(self, pending: PendingClaims, homeless: Iterable[RunTask], now: float) -> list[Demand]:
        urgent: dict[str, int] = {}
        for task in homeless:
            urgent[task.dag_file] = urgent.get(task.dag_file, 0) + 1
        files = [*urgent, *(file for file in pending.files() if file not in urgent)]
        return [
            Demand(
                file=file,
                claims=pending.count(file) + urgent.get(file, 0),
                oldest=pending.oldest(file) if pending.has(file) else now,
                workers=self._pool.serving(file),
                last_free=self._last_free.get(file, -inf),
                since=self._since.get(file, now),
                pace=self._pace.get(file, inf),
                urgent=urgent.get(file, 0),
            )
            for file in files
        ]
