"""Skip what branches and short circuits leave out, when they end and whenever it is looked at again."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from bide.model.run_state import Structure
from bide.model.skipping import SKIPPED, read_decision, write_decision
from bide.model.states import TaskState
from bide.store import Tx, instances, transitions, xcoms
from bide.store.instances import InstanceRow
from bide.store.runs import RunRow


def skip_downstream(tx: Tx, owner: InstanceRow, structure: Structure, chosen: Collection[str]) -> xcoms.XComRow:
    """Skip `chosen`, tasks downstream of `owner` that wait for it; the answer is the XCom that keeps the decision.

    Only what is directly downstream is kept, as in Airflow: what comes after goes by its trigger rule.
    """
    _skip(tx, owner.run_uid, chosen, by=f"task {owner.task_id}")
    direct = set(structure.downstream.get(owner.task_id, ())) & set(chosen)
    return owner.xcom(SKIPPED, write_decision(direct))


def skip_left_out(tx: Tx, run: RunRow, structure: Structure, candidates: Collection[str]) -> None:
    """Skip those of `candidates` that a task directly before them has left out: they were cleared without it."""
    before: Mapping[str, frozenset[str]] = {
        task_id: structure.skippers.intersection(structure.tasks[task_id].upstream) for task_id in candidates
    }
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
        _skip(tx, run.uid, left_out, by="scheduler")


def _skip(tx: Tx, run_uid: str, task_ids: Collection[str], *, by: str) -> None:
    waiting = [one for one in instances.of_tasks(tx, run_uid, task_ids) if one.state is TaskState.NONE]
    guards = [transitions.Guard(one.uid, one.epoch, {"end_date": tx.now}) for one in waiting]
    transitions.apply(tx, "skip", guards, by=by)
