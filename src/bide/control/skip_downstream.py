"""Skip what branches and short circuits leave out, when they end and whenever it is looked at again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from bide.model.run_state import Instance, Structure
from bide.model.skipping import SKIPPED, read_decision, write_decision
from bide.model.states import TaskState
from bide.store import Tx, instances, mapped_instances, transitions, xcoms
from bide.store.instances import InstanceRow
from bide.store.runs import RunRow


def skip_downstream(tx: Tx, owner: InstanceRow, structure: Structure, chosen: Collection[str]) -> xcoms.XComRow:
    """Skip `chosen`, tasks downstream of `owner` that wait for it; the answer is the XCom that keeps the decision.

    Only what is directly downstream is kept, as in Airflow: what comes after goes by its trigger rule. In a mapped
    group a decision is about the instances with the same map index.
    """
    waiting = mapped_instances.undecided(tx, owner.run_uid, chosen)
    own = {task_id for task_id in chosen if structure.in_step(task_id, owner.task_id)}
    _skip(
        tx,
        (one for one in waiting if one.task_id not in own or one.map_index == owner.map_index),
        by=f"task {owner.task_id}",
    )
    direct = set(structure.downstream.get(owner.task_id, ())) & set(chosen)
    return owner.xcom(SKIPPED, write_decision(direct))


def skip_left_out(
    tx: Tx, run: RunRow, structure: Structure, candidates: Mapping[str, Collection[int] | None]
) -> None:
    """Skip those of `candidates` that a task directly before them has left out: they were cleared without it.

    Of mapped groups those with the map indexes that are given.
    """
    before: dict[str, frozenset[str]] = {}
    for task_id, indexes in candidates.items():
        skippers = structure.skippers.intersection(structure.tasks[task_id].upstream)
        inside = {one for one in skippers if structure.in_step(task_id, one)}
        if inside:
            _skip_left_out_inside(tx, run, task_id, inside, indexes)
        # Of a mapped branch outside of its group each instance has skipped what it left out when it ended.
        before[task_id] = skippers - structure.mapped.keys()
    skippers = set[str]().union(*before.values())
    if not skippers:
        return
    found = instances.of_tasks(tx, run.uid, skippers)
    # What a task decided before it was cleared, it may decide otherwise.
    decided = {one.task_id for one in found if one.state is TaskState.SUCCESS}
    left_out: set[str] = set()
    for one in xcoms.pull(tx, run.dag_id, run.run_id, decided, [SKIPPED]):
        skipped = read_decision(one.value)
        left_out |= {task_id for task_id in skipped if one.task_id in before.get(task_id, ())}
    if left_out:
        _skip(tx, mapped_instances.undecided(tx, run.uid, left_out), by="scheduler")


def _skip_left_out_inside(
    tx: Tx, run: RunRow, task_id: str, skippers: Collection[str], indexes: Collection[int] | None
) -> None:
    """The same for a task of a mapped group, and the `skippers` before it that are in the group too."""
    members = [task_id, *skippers]
    if indexes is None:
        rows = instances.of_tasks(tx, run.uid, members)
    else:
        rows = mapped_instances.of_indexes(tx, run.uid, members, indexes)
    decided = {(one.task_id, one.map_index) for one in rows if one.state is TaskState.SUCCESS}
    if not decided:
        return
    left_out = {
        one.map_index
        for one in xcoms.pull(tx, run.dag_id, run.run_id, skippers, [SKIPPED], indexes)
        if (one.task_id, one.map_index) in decided and task_id in read_decision(one.value)
    }
    waiting = [one for one in rows if one.task_id == task_id and one.state is TaskState.NONE]
    _skip(tx, (one for one in waiting if one.map_index in left_out), by="scheduler")


def _skip(tx: Tx, waiting: Iterable[Instance], *, by: str) -> None:
    guards = [transitions.Guard(one.uid, one.epoch, {"end_date": tx.now}) for one in waiting]
    transitions.apply(tx, "skip", guards, by=by)
