"""A run has instances for elements of a task that is not mapped any more, in the version to which it has moved."""

from __future__ import annotations

from collections.abc import Iterable

from bide.control.expand_tasks import end_undecided
from bide.model.ids import NOT_MAPPED
from bide.model.run_state import Structure
from bide.model.selection import Change
from bide.store import Tx, expansions, mapped_instances, runs, xcoms


def unmap_changed(tx: Tx, run_uid: str, structure: Structure, changes: Iterable[Change]) -> set[str]:
    """Where `changes` have ended or cleared such instances, one instance stands for all; these tasks are told.

    Those that were cleared are removed, with their results. What has ended and was left alone stays as it was.
    """
    tasks = {
        one.found.task_id
        for one in changes
        if one.found.map_index != NOT_MAPPED
        and one.found.task_id in structure.tasks
        and one.found.task_id not in structure.mapped
    }
    if not tasks:
        return set()
    run = runs.get_many(tx, [run_uid])[run_uid]
    undecided = mapped_instances.undecided(tx, run_uid, tasks)
    end_undecided(tx, "remove", [one for one in undecided if one.map_index != NOT_MAPPED])
    there = {one.task_id for one in mapped_instances.of_indexes(tx, run_uid, tasks, [NOT_MAPPED])}
    made = [(structure.tasks[task_id], NOT_MAPPED) for task_id in sorted(tasks - there)]
    runs.add_instances(tx, run, made)
    if made:
        runs.grow(tx, run_uid, len(made))
    expansions.forget(tx, run_uid, tasks)
    xcoms.clear_from(tx, run.dag_id, run.run_id, tasks, 0)
    return tasks
