"""For people: why task instances can't go on as things are."""

from __future__ import annotations

from collections.abc import Collection

from bide.control.past import why_held_by_past
from bide.model.states import RunState
from bide.store import Tx, runs, specs
from bide.store.holds import reasons_stopped, undecided


def reasons_held(tx: Tx, instance_uids: Collection[str]) -> dict[str, str]:
    """One line by uid, for those that can't go on: their past, a cancel, a queue or a pool stops them."""
    return _by_past(tx, instance_uids) | reasons_stopped(tx, instance_uids)


def _by_past(tx: Tx, instance_uids: Collection[str]) -> dict[str, str]:
    waiting = undecided(tx, instance_uids)
    reasons: dict[str, str] = {}
    for run in runs.get_many(tx, list(waiting)).values():
        structure = specs.structure_of(tx, run.version_uid)
        if run.state is RunState.RUNNING and structure.watching_past:
            # A task that is gone from the DAG has nothing to wait for.
            tasks = {task_id: uids for task_id, uids in waiting[run.uid].items() if task_id in structure.tasks}
            for task_id, reason in why_held_by_past(tx, run, structure, tasks).items():
                reasons.update(dict.fromkeys(tasks[task_id], reason))
    return reasons
