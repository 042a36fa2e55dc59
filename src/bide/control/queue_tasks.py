"""Choose which scheduled instances go next, under all limits, and give them to an executor."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from bide.control.claims import Claim
from bide.control.start_tasks import begin_segments
from bide.model.dag_spec import TaskSpec
from bide.model.log_path import LogLayout
from bide.model.pools import why_never
from bide.model.room import Closed, Room
from bide.store import Tx, candidates, mapped_instances, pools, sessions, specs, transitions
from bide.store.candidates import Occupancy
from bide.store.claiming import decide_alone, decide_if_free
from bide.store.instances import InstanceRow
from bide.store.runs import RunRow
from bide.store.transitions import Guard
from bide.wire.messages import InstanceKey, RunTask

#: Share of the slots that new tasks keep while resumes queue, so that neither side starves.
NEW_TASKS_SHARE: Final = 0.25


def choose(
    resumes: Sequence[InstanceRow],
    fresh: Sequence[InstanceRow],
    *,
    slots: int,
    busy: int,
    busy_fresh: int,
    room: Room,
) -> list[InstanceRow]:
    """Fill `slots` free ones: resumes first, but new tasks keep a quarter of all slots, if there are any.

    `busy` instances have slots already, `busy_fresh` of them new ones. `room` counts down what the limits leave.
    Candidates come in the order in which they should go. With one slot in all, resumes go first.
    """

    def fit(candidates: Sequence[InstanceRow], most: int) -> list[InstanceRow]:
        chosen: list[InstanceRow] = []
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
class Who:
    """For whom instances are chosen."""

    session: str
    #: The one run that it serves, if it is one.
    only_run: str | None = None
    #: Whether pools count: a run on a store of its own has none but the default one.
    heed_pools: bool = True
    #: Whose tasks its workers run; None for all.
    queues: Collection[str] | None = None
    #: Whether async tasks share processes: then they are not for workers that begin one at once.
    shares_workers: bool = False


class Queued(NamedTuple):
    """What :func:`queue_tasks` did."""

    claims: list[Claim]
    #: Why some of what is scheduled will never get what it wants, in words.
    in_vain: list[str]


def queue_tasks(tx: Tx, slots: int, who: Who) -> Queued:
    """scheduled → queued, at most `slots` instances, in the order of resumes, weights and age."""
    if not candidates.any_scheduled(tx, who.only_run):
        return Queued([], [])
    sessions.hold(tx, who.session)
    # Limits count what all engines have queued: one of them decides at a time.
    decide_alone(tx, "queue_tasks")
    found = _find(tx, slots, who)
    sets = {"queued_at": tx.now, "session": who.session}
    guards = [Guard(one.uid, one.epoch, sets) for one in found.chosen]
    went = {one.uid for one in transitions.apply(tx, "queue", guards, by="scheduler")}
    claims = [_claim(tx, one, found.runs[one.run_uid]) for one in found.chosen if one.uid in went]
    return Queued(claims, found.in_vain)


class Openings(NamedTuple):
    """Workers that can begin a task at once."""

    #: How many of them serve a DAG file; those under None serve any.
    workers: Mapping[str | None, int]
    #: Instances whose last process still winds up, so that none of these may begin one.
    busy: Collection[str] = ()


class Begun(NamedTuple):
    """What :func:`begin_at_once` did."""

    orders: list[RunTask]
    #: Whether nothing is left that could be queued now.
    is_all: bool


def begin_at_once(tx: Tx, openings: Openings, who: Who, logs: LogLayout) -> Begun | None:
    """scheduled → queued → running in one go, for instances that a free worker can take.

    The order and the limits are those of :func:`queue_tasks`; what finds no worker is left to that. None if
    another engine is deciding on its own instances, or this one may take none.
    """
    if not decide_if_free(tx, "queue_tasks", who.session):
        return None
    found = _find(tx, sum(openings.workers.values()), who)
    files = {uid: specs.structure_of(tx, run.version_uid).spec.file for uid, run in found.runs.items()}
    free = dict(openings.workers)
    ready: list[InstanceRow] = []
    for one in found.chosen:
        file = files[one.run_uid]
        worker = file if free.get(file) else None
        if who.shares_workers and _task(tx, one, found.runs[one.run_uid]).is_async:
            continue
        if free.get(worker) and one.uid not in openings.busy:
            free[worker] -= 1
            ready.append(one)
    sets = {"queued_at": tx.now, "session": who.session}
    orders = begin_segments(tx, "start_at_once", ready, found.runs, sets, logs)
    # What is for workers of other engines has to be rung for.
    is_all = found.is_all and who.queues is None and len(orders) == len(found.chosen) and not found.in_vain
    return Begun(orders, is_all)


class _Found(NamedTuple):
    chosen: list[InstanceRow]
    #: Their runs, and others, by uid.
    runs: dict[str, RunRow]
    #: Whether nothing else may be queued now: the limits keep the rest, if there is any.
    is_all: bool
    in_vain: list[str]


def _find(tx: Tx, slots: int, who: Who) -> _Found:
    """What may be queued now, at most `slots` instances."""
    occupied = candidates.occupancy(tx, who.only_run)
    room = _room(tx, occupied, who)
    room.limit(occupied.limits)
    busy, busy_fresh = sum(occupied.by_dag.values()), occupied.fresh
    chosen: dict[str, InstanceRow] = {}
    run_rows: dict[str, RunRow] = {}
    is_short = False
    while len(chosen) < slots:
        closed = len(room.closed)
        found = candidates.scheduled(tx, limit=slots, without=room.closed, only=who.only_run, queues=who.queues)
        room.limit(found.limits)
        run_rows |= found.runs
        uncounted = room.uncounted((*found.resumes, *found.fresh))
        if uncounted:
            room.count(uncounted, mapped_instances.active_of(tx, uncounted))
        more = choose(
            [one for one in found.resumes if one.uid not in chosen],
            [one for one in found.fresh if one.uid not in chosen],
            slots=slots - len(chosen),
            busy=busy + len(chosen),
            busy_fresh=busy_fresh + sum(not one.is_resume for one in chosen.values()),
            room=room,
        )
        chosen |= {one.uid: one for one in more}
        is_short = max(len(found.resumes), len(found.fresh)) < slots
        # What is at a limit must not hide what is behind it.
        if len(room.closed) == closed or is_short:
            break
    in_vain = _in_vain(room.closed, occupied) if who.heed_pools and len(room.closed) else []
    return _Found(list(chosen.values()), run_rows, is_short, in_vain)


def _in_vain(closed: Closed, occupied: Occupancy) -> list[str]:
    """Why what waits for a pool waits in vain, for each of which that is so."""
    slots = {pool.name: pool.slots for pool in occupied.pools}
    wanted = [(name, 1) for name in closed.pools]
    wanted += [(name, int(number)) for name, _, number in (one.rpartition(":") for one in closed.demands)]
    reasons = (why_never(name, number, slots.get(name)) for name, number in wanted)
    return [reason for reason in reasons if reason]


def _room(tx: Tx, occupied: Occupancy, who: Who) -> Room:
    if not who.heed_pools:
        return Room(taken=occupied.by_dag)
    taken = dict(occupied.by_pool)
    holding = [pool.name for pool in occupied.pools if pool.include_deferred]
    if holding:
        for name, slots in pools.kept_slots(tx, holding, who.only_run).items():
            taken[name] = taken.get(name, 0) + slots
    return Room(taken=occupied.by_dag, pools=occupied.pools, pool_taken=taken, pool_busy=occupied.by_pool)


def _claim(tx: Tx, one: InstanceRow, run: RunRow) -> Claim:
    key = InstanceKey(one.uid, one.dag_id, one.run_id, one.task_id, one.map_index)
    file = specs.structure_of(tx, run.version_uid).spec.file
    is_async = _task(tx, one, run).is_async
    return Claim(key, one.epoch, file, specs.hash_of(tx, run.version_uid), one.is_resume, is_async)


def _task(tx: Tx, one: InstanceRow, run: RunRow) -> TaskSpec:
    return specs.structure_of(tx, run.version_uid).tasks[one.task_id]
