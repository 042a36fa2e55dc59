"""What the run before says to tasks that depend on their past."""

from __future__ import annotations

from collections.abc import Iterable

from bide.model.past import Past, lets_begin
from bide.model.run_state import Structure
from bide.store import Tx, instances, run_order
from bide.store.runs import RunRow


def held_by_past(tx: Tx, run: RunRow, structure: Structure, task_ids: Iterable[str]) -> set[str]:
    """Those of the tasks whose past does not let them begin: they stay as they are until the run before goes on.

    Costs nothing where no task depends on its past.
    """
    if not structure.watching_past or run.logical_date is None:
        return set()
    asking = {task_id for task_id in task_ids if structure.tasks[task_id].depends_on_past}
    if not asking:
        return set()
    past = _past(tx, run, structure, asking)
    return {task_id for task_id in asking if not lets_begin(structure.tasks[task_id], past.get(task_id))}


def _past(tx: Tx, run: RunRow, structure: Structure, asking: set[str]) -> dict[str, Past]:
    """What the run before says of each task; nothing where there is no such run."""
    assert run.logical_date is not None
    before = run_order.previous(tx, run.dag_id, run.logical_date, scheduled=structure.spec.catchup)
    if before is None:
        return {}
    after = {
        task_id: structure.downstream[task_id] if structure.tasks[task_id].wait_for_downstream else ()
        for task_id in asking
    }
    found = instances.of_tasks(tx, before.uid, asking.union(*after.values()))
    past: dict[str, Past] = {}
    for task_id in asking:
        own = [one.state for one in found if one.task_id == task_id]
        past[task_id] = Past(
            own=own,
            after=[one.state for one in found if one.task_id in after[task_id]],
            had_before=not own and run_order.has_task_before(tx, run.dag_id, task_id, run.logical_date),
        )
    return past
