"""What the limits leave while instances are chosen, one after the other."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

from bide.model.pools import UNLIMITED, Pool

#: More than there will ever be.
_ENDLESS: Final = sys.maxsize


class Wanting(Protocol):
    """A candidate, as limits see it."""

    @property
    def dag_id(self) -> str:
        """The DAG whose ``max_active_tasks`` counts."""
        ...

    @property
    def pool(self) -> str:
        """The pool."""
        ...

    @property
    def pool_slots(self) -> int:
        """How many slots of it."""
        ...

    @property
    def run_uid(self) -> str:
        """The run."""
        ...

    @property
    def task_id(self) -> str:
        """The task, whose instances of all runs and of this one may be limited."""
        ...

    @property
    def max_active_tis_per_dag(self) -> int | None:
        """How many of all runs."""
        ...

    @property
    def max_active_tis_per_dagrun(self) -> int | None:
        """How many of this run."""
        ...

    @property
    def is_resume(self) -> bool:
        """Whether it goes on after a wait."""
        ...


W = TypeVar("W", bound=Wanting)


@dataclass(slots=True)
class Closed:
    """What was found to be at a limit: nothing more of it need be looked at."""

    dags: set[str] = field(default_factory=set[str])
    pools: set[str] = field(default_factory=set[str])
    #: ``pool:slots``, where the pool has some slots left, but not as many.
    demands: set[str] = field(default_factory=set[str])
    #: ``DAG:task`` and ``run uid:task``, where the task has as many instances under way as it may.
    tasks: set[str] = field(default_factory=set[str])

    def __len__(self) -> int:
        return len(self.dags) + len(self.pools) + len(self.demands) + len(self.tasks)


class Room:
    """Counts down what DAGs and pools have left. Without `pools` those are not heeded."""

    def __init__(
        self,
        *,
        taken: Mapping[str, int],
        pools: Iterable[Pool] | None = None,
        pool_taken: Mapping[str, int] | None = None,
        pool_busy: Mapping[str, int] | None = None,
    ) -> None:
        """`pool_taken` counts the slots of deferred tasks too, where the pool wants that; `pool_busy` never."""
        self._taken = dict(taken)
        self._limits: dict[str, int] = {}
        self._pools: dict[str, int] | None = None
        #: Of pools whose slots deferred tasks keep: how many of those are not queued or running.
        self._holding: dict[str, int] = {}
        #: Instances under way, of tasks that have a limit.
        self._active: dict[str, int] = {}
        self._counted: set[tuple[str, str]] = set()
        self.closed = Closed()
        if pools is not None:
            used, busy = pool_taken or {}, pool_busy or {}
            known = {pool.name: pool for pool in pools}
            self._pools = {name: _left(pool, used) for name, pool in known.items()}
            self._holding = {name: _left(pool, busy) for name, pool in known.items() if pool.include_deferred}
            self.closed.pools = {
                name for name, left in self._pools.items() if left <= 0 and name not in self._holding
            }

    def limit(self, limits: Mapping[str, int]) -> None:
        """Take in ``max_active_tasks`` of DAGs."""
        self._limits.update(limits)
        self.closed.dags.update(dag_id for dag_id in limits if self._taken.get(dag_id, 0) >= self._limits[dag_id])

    def unknown(self, dag_ids: Iterable[str]) -> set[str]:
        """Those whose limit is not known yet."""
        return set(dag_ids) - self._limits.keys()

    def uncounted(self, candidates: Iterable[W]) -> list[W]:
        """Those whose task has a limit, and whose instances under way :meth:`count` was not told yet."""
        limited = [one for one in candidates if task_limits(one)]
        return [one for one in limited if (one.dag_id, one.task_id) not in self._counted]

    def count(self, of: Iterable[Wanting], active: Iterable[tuple[str, str, str, int]]) -> None:
        """Take in (DAG, run uid, task, number) of what is under way `of` these tasks."""
        self._counted.update((one.dag_id, one.task_id) for one in of)
        for dag_id, run_uid, task_id, number in active:
            for name in (f"{dag_id}:{task_id}", f"{run_uid}:{task_id}"):
                self._active[name] = self._active.get(name, 0) + number

    def take(self, one: Wanting) -> bool:
        """Take what the candidate wants; False, with the reason in :attr:`closed`, if it is not there."""
        if self._taken.get(one.dag_id, 0) >= self._limits.get(one.dag_id, 0):
            self.closed.dags.add(one.dag_id)
            return False
        limits = task_limits(one)
        for name, limit in limits:
            if self._active.get(name, 0) >= limit:
                self.closed.tasks.add(name)
                return False
        if self._pools is not None and not self._take_slots(self._pools, one):
            return False
        for name, _ in limits:
            self._active[name] = self._active.get(name, 0) + 1
        self._taken[one.dag_id] = self._taken.get(one.dag_id, 0) + 1
        return True

    def _take_slots(self, pools: dict[str, int], one: Wanting) -> bool:
        if one.is_resume and one.pool in self._holding:
            # It has kept its slots while it was deferred. Only what began deferred has never had any.
            if one.pool_slots > self._holding[one.pool]:
                self.closed.demands.add(demand(one))
                return False
            self._holding[one.pool] -= one.pool_slots
            return True
        left = pools.get(one.pool)
        if left is None or (left <= 0 and one.pool not in self._holding):
            self.closed.pools.add(one.pool)
            return False
        if one.pool_slots > left:
            self.closed.demands.add(demand(one))
            return False
        pools[one.pool] = left - one.pool_slots
        if one.pool in self._holding:
            self._holding[one.pool] -= one.pool_slots
        return True


def _left(pool: Pool, used: Mapping[str, int]) -> int:
    return _ENDLESS if pool.slots == UNLIMITED else pool.slots - used.get(pool.name, 0)


def task_limits(one: Wanting) -> list[tuple[str, int]]:
    """The limits of its task, each with the name under which it is counted."""
    found: list[tuple[str, int]] = []
    if one.max_active_tis_per_dag is not None:
        found.append((f"{one.dag_id}:{one.task_id}", one.max_active_tis_per_dag))
    if one.max_active_tis_per_dagrun is not None:
        found.append((f"{one.run_uid}:{one.task_id}", one.max_active_tis_per_dagrun))
    return found


def demand(one: Wanting) -> str:
    """How a pool and a number of its slots are named together."""
    return f"{one.pool}:{one.pool_slots}"
