"""Hand scheduled instances to the executor, as many as it has free slots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from bide.control.claims import Claim
from bide.engine import faults
from bide.engine.executors.contract import Executor
from bide.engine.scheduler.duty import Next
from bide.engine.scheduler.scope import Scope
from bide.store import Store, Topic, Tx, instances, runs, sessions, specs, transitions
from bide.store.claiming import decide_alone
from bide.store.instances import Candidate, Occupancy
from bide.store.transitions import Guard
from bide.wire.messages import InstanceKey

#: Share of the slots that new tasks keep while resumes queue, so that neither side starves.
NEW_TASKS_SHARE: Final = 0.25


def choose(
    resumes: Sequence[Candidate],
    fresh: Sequence[Candidate],
    *,
    slots: int,
    occupied: Occupancy,
    limits: Mapping[str, int],
) -> list[Candidate]:
    """Fill `slots` free ones: resumes first, but new tasks keep a quarter of all slots, if there are any.

    `limits` counts per DAG; candidates come in the order in which they should go. With one slot in all, resumes
    go first.
    """
    taken = dict(occupied.by_dag)

    def fit(candidates: Sequence[Candidate], room: int) -> list[Candidate]:
        chosen: list[Candidate] = []
        for one in candidates:
            if len(chosen) >= room:
                break
            if taken.get(one.dag_id, 0) < limits.get(one.dag_id, 0):
                taken[one.dag_id] = taken.get(one.dag_id, 0) + 1
                chosen.append(one)
        return chosen

    # What new tasks have counts, so that they also get their share where slots become free one by one.
    total = slots + sum(occupied.by_dag.values())
    share = max(1, int(total * NEW_TASKS_SHARE)) if total > 1 else 0
    kept = min(len(fresh), slots, max(0, share - occupied.fresh))
    chosen = fit(resumes, slots - kept)
    chosen += fit(fresh, slots - len(chosen))
    # What new tasks did not use after all goes to resumes.
    already = {one.uid for one in chosen}
    chosen += fit([one for one in resumes if one.uid not in already], slots - len(chosen))
    return chosen


@dataclass(frozen=True, slots=True)
class QueueTasks:
    """scheduled → queued, in the order of resumes, weights and age."""

    store: Store
    executor: Executor
    scope: Scope
    session: str
    name: ClassVar[str] = "queue_tasks"
    topics: ClassVar[tuple[Topic, ...]] = ("scheduled", "slots", "dags")

    async def run(self) -> Next:
        """Queue what fits and hand it over."""
        slots = self.executor.free_slots()
        if slots <= 0:
            return Next()
        async with faults.around("claim"):
            claims = await self.store.write(lambda tx: self._work(tx, slots))
        if claims:
            self.executor.submit(claims)
        # With slots left over, all that may be queued now is queued; the bell rings for more.
        return Next(again=len(claims) == slots)

    def _work(self, tx: Tx, slots: int) -> list[Claim]:
        if not instances.any_scheduled(tx, self.scope.only_run):
            return []
        sessions.hold(tx, self.session)
        # Limits count what all engines have queued: one of them decides at a time.
        decide_alone(tx, "queue_tasks")
        occupied = instances.occupancy(tx, self.scope.only_run)
        limits = instances.task_limits(tx, occupied.by_dag)
        full = {dag_id for dag_id, number in occupied.by_dag.items() if number >= limits.get(dag_id, 0)}
        while True:
            resumes, fresh = (
                instances.scheduled(tx, is_resume=one, limit=slots, without_dags=full, only=self.scope.only_run)
                for one in (True, False)
            )
            found = {one.dag_id for one in (*resumes, *fresh)}
            limits |= instances.task_limits(tx, found - limits.keys())
            chosen = choose(resumes, fresh, slots=slots, occupied=occupied, limits=limits)
            if chosen or not found:
                break
            # None of these may run at all; they must not hide those behind them.
            full |= found
        sets = {"queued_at": tx.now, "session": self.session}
        moved = transitions.apply(tx, "queue", [Guard(one.uid, one.epoch, sets) for one in chosen], by="scheduler")
        return _claims(tx, chosen, {one.uid for one in moved})


def _claims(tx: Tx, chosen: Sequence[Candidate], moved: set[str]) -> list[Claim]:
    run_rows = runs.get_many(tx, list({one.run_uid for one in chosen}))
    claims: list[Claim] = []
    for one in chosen:
        if one.uid in moved:
            version = run_rows[one.run_uid].version_uid
            key = InstanceKey(one.uid, one.dag_id, one.run_id, one.task_id, one.map_index)
            file = specs.structure_of(tx, version).spec.file
            claims.append(Claim(key, one.epoch, file, specs.hash_of(tx, version), one.is_resume))
    return claims
