"""What the run before says to tasks that depend on their past."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from bide.model.past import GOOD, Past, lets_begin
from bide.model.run_state import Instance, Structure
from bide.store import Tx, instances, run_order
from bide.store.runs import RunRow


def held_by_past(tx: Tx, run: RunRow, structure: Structure, task_ids: Iterable[str]) -> set[str]:
    """Those of the tasks whose past does not let them begin: they stay as they are until the run before goes on.

    Costs nothing where no task depends on its past.
    """
    if run.logical_date is None or not (asking := _asking(structure, task_ids)):
        return set()
    before = run_order.previous(tx, run.dag_id, run.logical_date, scheduled=structure.spec.catchup)
    return set() if before is None else _held(tx, run, structure, asking, _found(tx, before, structure, asking))


def why_held_by_past(tx: Tx, run: RunRow, structure: Structure, task_ids: Iterable[str]) -> dict[str, str]:
    """The same for people, who only look: why each of those tasks can't begin."""
    if run.logical_date is None or not (asking := _asking(structure, task_ids)):
        return {}
    before = run_order.previous_seen(tx, run.dag_id, run.logical_date, scheduled=structure.spec.catchup)
    if before is None:
        return {}
    found = _found(tx, before, structure, asking)
    return {
        task_id: _reason(structure, task_id, before.run_id, found)
        for task_id in _held(tx, run, structure, asking, found)
    }


def _reason(structure: Structure, task_id: str, before: str, found: Collection[Instance]) -> str:
    own = [one for one in found if one.task_id == task_id]
    if not own:
        return f"depends on its past, and the run before, {before!r}, has no task {task_id!r}"
    for one in own:
        if one.state not in GOOD:
            return f"depends on its past: in the run before, {before!r}, it is {_named(one)}"
    after = set(structure.downstream[task_id])
    one = next(one for one in found if one.task_id in after and one.state not in GOOD)
    return f"waits for downstream: in the run before, {before!r}, {one.task_id!r} is {_named(one)}"


def _named(one: Instance) -> str:
    index = f" (map index {one.map_index})" if one.map_index >= 0 else ""
    return f"{one.state}{index}"


def _asking(structure: Structure, task_ids: Iterable[str]) -> set[str]:
    if not structure.watching_past:
        return set()
    return {task_id for task_id in task_ids if structure.tasks[task_id].depends_on_past}


def _after(structure: Structure, task_id: str) -> Collection[str]:
    return structure.downstream[task_id] if structure.tasks[task_id].wait_for_downstream else ()


def _found(tx: Tx, before: RunRow, structure: Structure, asking: set[str]) -> list[Instance]:
    """The instances of the run before that have a say."""
    return instances.of_tasks(tx, before.uid, asking.union(*(_after(structure, task_id) for task_id in asking)))


def _held(tx: Tx, run: RunRow, structure: Structure, asking: set[str], found: Collection[Instance]) -> set[str]:
    assert run.logical_date is not None
    held: set[str] = set()
    for task_id in asking:
        own = [one.state for one in found if one.task_id == task_id]
        after = _after(structure, task_id)
        past = Past(
            own=own,
            after=[one.state for one in found if one.task_id in after],
            had_before=not own and run_order.has_task_before(tx, run.dag_id, task_id, run.logical_date),
        )
        if not lets_begin(structure.tasks[task_id], past):
            held.add(task_id)
    return held
