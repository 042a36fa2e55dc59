"""Let runs go on: read the marks of finished instances, decide on their successors, end runs that are done.

The end of a task does this in its own transaction, so that its successors are scheduled by the commit that ends it.
A duty does it for everything else that finishes instances, and for what its own decisions skip.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from bide.control.decide_tasks import Question, consider, decide
from bide.control.end_runs import end_runs
from bide.control.expand_tasks import counts_of
from bide.control.force_states import force
from bide.model.ids import NOT_MAPPED
from bide.model.run_state import Structure, concerned, waits_on
from bide.model.selection import plan_stop
from bide.model.states import FINISHED_RUN, RunState, TaskState
from bide.store import Tx, instances, run_order, runs, specs, watches
from bide.store.runs import RunRow


def advance_marked(tx: Tx, limit: int, only: Collection[str] | None = None) -> int:
    """Work off up to `limit` of the oldest marks, of all runs or of these; the answer says how many.

    The marks that these decisions leave are for the next call.
    """
    marks = instances.read_marks(tx, limit, only)
    if not marks:
        return 0
    finished: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for mark in marks:
        finished[mark.run_uid].add((mark.task_id, mark.map_index))
    instances.delete_marks(tx, [mark.id for mark in marks])
    found = list(runs.get_many(tx, list(finished)).values())
    for run in found:
        if run.watched:
            watches.touch(tx, run.dag_id, run.run_id, run.logical_date)
    _advance(tx, [run for run in found if run.state not in FINISHED_RUN], finished)
    for run in found:
        _advance_next(tx, run, finished[run.uid])
    return len(marks)


def _advance(tx: Tx, unfinished: Sequence[RunRow], finished: Mapping[str, set[tuple[str, int]]]) -> None:
    ended: list[RunRow] = []
    asked: list[Question] = []
    for run in unfinished:
        structure = specs.structure_of(tx, run.version_uid)
        if run.unfinished == 0:
            ended.append(run)
        elif structure.spec.fail_fast and _stop_rest(tx, run, finished[run.uid]):
            continue  # what was stopped has left marks
        elif run.state is RunState.RUNNING:
            # One that is queued is looked at as a whole when it starts.
            settled = _still_waiting(tx, run, structure, finished[run.uid])
            candidates = concerned(structure, finished[run.uid], settled)
            if candidates:
                asked.append(Question(run, candidates))
    end_runs(tx, ended)
    decide(tx, asked)


def _still_waiting(
    tx: Tx, run: RunRow, structure: Structure, finished: Collection[tuple[str, int]]
) -> set[tuple[str, str]]:
    """(mapped task, successor) for which these ends have changed nothing: most ends of many instances do not."""
    expanded = {task_id for task_id, map_index in finished if map_index != NOT_MAPPED}
    if not expanded:
        return set()
    return {
        (task_id, after)
        for task_id, counts in counts_of(tx, run, expanded).items()
        for after in structure.downstream.get(task_id, ())
        if not structure.in_step(after, task_id) and waits_on(structure, after, counts)
    }


def _stop_rest(tx: Tx, run: RunRow, finished: Collection[tuple[str, int]]) -> bool:
    """End what has not ended, if one of the `finished` has failed: tasks that run fail, all others are skipped.

    Teardowns go on: what was set up is put away.
    """
    ended = instances.of_tasks(tx, run.uid, {task_id for task_id, _ in finished})
    failed = sorted({one.task_id for one in ended if one.state is TaskState.FAILED})
    if not failed:
        return False
    tasks = specs.structure_of(tx, run.version_uid).tasks
    torn_down = {task_id for task_id, task in tasks.items() if task.is_teardown}
    changes = plan_stop(one for one in instances.of_runs(tx, [run.uid]) if one.task_id not in torn_down)
    return bool(
        force(tx, changes, by="fail_fast", error=f"stopped: {failed[0]} has failed, and its DAG is fail_fast")
    )


def _advance_next(tx: Tx, run: RunRow, ends: Collection[tuple[str, int]]) -> None:
    """Look at tasks of later runs that have waited for these."""
    watching = specs.structure_of(tx, run.version_uid).watching_past
    finished = {task_id for task_id, _ in ends} if watching else set[str]()
    if run.logical_date is None or watching.keys().isdisjoint(finished):
        return
    for later in run_order.running_after(tx, run.dag_id, run.logical_date):
        structure = specs.structure_of(tx, later.version_uid)
        waiting = set[str]().union(*(structure.watching_past.get(task_id, ()) for task_id in finished))
        consider(tx, later, waiting)
