"""Hand scheduled instances to the executor, as many as it has free slots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

import structlog

from bide.control.claims import Claim
from bide.engine import faults
from bide.engine.executors.contract import Executor
from bide.engine.scheduler.duty import Next
from bide.engine.scheduler.scope import Scope
from bide.model.pools import why_never
from bide.model.room import Closed, Room
from bide.store import Store, Topic, Tx, instances, runs, sessions, specs, transitions
from bide.store.claiming import decide_alone
from bide.store.instances import Candidate, Occupancy
from bide.store.transitions import Guard
from bide.wire.messages import InstanceKey

log = structlog.get_logger("bide.scheduler")

#: Share of the slots that new tasks keep while resumes queue, so that neither side starves.
NEW_TASKS_SHARE: Final = 0.25


def choose(
    resumes: Sequence[Candidate],
    fresh: Sequence[Candidate],
    *,
    slots: int,
    busy: int,
    busy_fresh: int,
    room: Room,
) -> list[Candidate]:
    """Fill `slots` free ones: resumes first, but new tasks keep a quarter of all slots, if there are any.

    `busy` instances have slots already, `busy_fresh` of them new ones. `room` counts down what the limits leave.
    Candidates come in the order in which they should go. With one slot in all, resumes go first.
    """

    def fit(candidates: Sequence[Candidate], most: int) -> list[Candidate]:
        chosen: list[Candidate] = []
        for one in candidates:
            if len(chosen) >= most:
                break
            if room.take(one):
                chosen.append(one)
        return chosen

    # What new tasks have counts, so that they also get their share where slots become free one by one.
    total = slots + busy
    share = max(1, int(total * NEW_TASKS_SHARE)) if total > 1 else 0
    kept = min(len(fresh), slots, max(0, share - busy_fresh))
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
    #: Whether pools count: a run on a store of its own has none but the default one.
    heed_pools: bool = True
    _told: set[str] = field(default_factory=set[str], init=False, repr=False, compare=False)
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
        chosen = self._choose(tx, slots)
        sets = {"queued_at": tx.now, "session": self.session}
        moved = transitions.apply(tx, "queue", [Guard(one.uid, one.epoch, sets) for one in chosen], by="scheduler")
        return _claims(tx, chosen, {one.uid for one in moved})

    def _choose(self, tx: Tx, slots: int) -> list[Candidate]:
        occupied = instances.occupancy(tx, self.scope.only_run)
        room = self._room(tx, occupied)
        room.limit(instances.task_limits(tx, occupied.by_dag))
        busy, busy_fresh = sum(occupied.by_dag.values()), occupied.fresh
        chosen: dict[str, Candidate] = {}
        while len(chosen) < slots:
            closed = len(room.closed)
            resumes, fresh = (
                instances.scheduled(tx, is_resume=one, limit=slots, without=room.closed, only=self.scope.only_run)
                for one in (True, False)
            )
            unknown = room.unknown(one.dag_id for one in (*resumes, *fresh))
            room.limit(instances.task_limits(tx, unknown))
            more = choose(
                [one for one in resumes if one.uid not in chosen],
                [one for one in fresh if one.uid not in chosen],
                slots=slots - len(chosen),
                busy=busy + len(chosen),
                busy_fresh=busy_fresh + sum(not one.is_resume for one in chosen.values()),
                room=room,
            )
            chosen |= {one.uid: one for one in more}
            # What is at a limit must not hide what is behind it.
            if len(room.closed) == closed or max(len(resumes), len(fresh)) < slots:
                break
        if self.heed_pools and len(room.closed):
            self._complain(room.closed, occupied)
        return list(chosen.values())

    def _complain(self, closed: Closed, occupied: Occupancy) -> None:
        """Say once of each pool that what waits for it waits in vain."""
        slots = {pool.name: pool.slots for pool in occupied.pools}
        wanted = [(name, 1) for name in closed.pools]
        wanted += [(name, int(number)) for name, _, number in (one.rpartition(":") for one in closed.demands)]
        for name, number in wanted:
            reason = why_never(name, number, slots.get(name))
            if reason and reason not in self._told:
                self._told.add(reason)
                log.warning("tasks_wait_in_vain", reason=reason)

    def _room(self, tx: Tx, occupied: Occupancy) -> Room:
        if not self.heed_pools:
            return Room(taken=occupied.by_dag)
        taken = dict(occupied.by_pool)
        holding = [pool.name for pool in occupied.pools if pool.include_deferred]
        if holding:
            for name, slots in instances.kept_slots(tx, holding, self.scope.only_run).items():
                taken[name] = taken.get(name, 0) + slots
        return Room(taken=occupied.by_dag, pools=occupied.pools, pool_taken=taken)


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
