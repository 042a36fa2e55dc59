"""Let runs go on: read the marks of finished instances, decide on their successors, end runs that are done.

The end of a task does this in its own transaction, so that its successors are scheduled by the commit that ends it.
A duty does it for everything else that finishes instances, and for what its own decisions skip.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from bide.control.begin_tasks import Ready, begin
from bide.control.ending_callbacks import request_of_run
from bide.control.expand_tasks import consider_mapped, counts_of, end_undecided
from bide.control.force_states import force
from bide.control.past import held_by_past
from bide.control.plan_runs import plan_after_end
from bide.control.skip_downstream import skip_left_out
from bide.model.ids import NOT_MAPPED
from bide.model.run_state import (
    Structure,
    advance,
    concerned,
    final_state,
    mapped_upstream,
    needed,
    waits_on,
)
from bide.model.selection import plan_stop
from bide.model.states import FINISHED_RUN, RunState, TaskState
from bide.store import Tx, dags, instances, run_order, runs, sessions, specs, watches
from bide.store.runs import RunRow


def advance_marked(tx: Tx, limit: int, only: str | None = None) -> int:
    """Work off up to `limit` of the oldest marks, of all runs or of the run `only`; the answer says how many.

    The marks that these decisions leave are for the next call.
    """
    marks = instances.read_marks(tx, limit, only)
    if not marks:
        return 0
    finished: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for mark in marks:
        finished[mark.run_uid].add((mark.task_id, mark.map_index))
    instances.delete_marks(tx, [mark.id for mark in marks])
    for run in runs.get_many(tx, list(finished)).values():
        if run.watched:
            watches.touch(tx, run.dag_id, run.run_id, run.logical_date)
        if run.state not in FINISHED_RUN:
            _advance(tx, run, finished[run.uid])
        _advance_next(tx, run, finished[run.uid])
    return len(marks)


def _advance(tx: Tx, run: RunRow, finished: set[tuple[str, int]]) -> None:
    structure = specs.structure_of(tx, run.version_uid)
    if run.unfinished == 0:
        end_run(tx, run)
    elif structure.spec.fail_fast and _stop_rest(tx, run, finished):
        return  # what was stopped has left marks
    elif run.state is RunState.RUNNING:
        # One that is queued is looked at as a whole when it starts.
        _decide(tx, run, concerned(structure, finished, settled=_still_waiting(tx, run, structure, finished)))


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


def consider(tx: Tx, run: RunRow, candidates: Collection[str]) -> None:
    """Decide on those of these tasks of a running run that nobody has decided on yet."""
    _decide(tx, run, dict.fromkeys(candidates))


def _decide(tx: Tx, run: RunRow, candidates: Mapping[str, set[int] | None]) -> None:
    """Decide on tasks, of mapped groups only on the instances that have one of these map indexes."""
    structure = specs.structure_of(tx, run.version_uid)
    if structure.skippers:
        skip_left_out(tx, run, structure, candidates)
    held = held_by_past(tx, run, structure, candidates)
    mapped = {
        task_id: indexes
        for task_id, indexes in candidates.items()
        if task_id in structure.mapped and task_id not in held
    }
    plain = candidates.keys() - structure.mapped.keys()
    if plain:
        found = instances.of_tasks(tx, run.uid, needed(structure, plain))
        counts = counts_of(tx, run, mapped_upstream(structure, plain))
        verdict = advance(structure, plain, found, counts)
        ready = [one for one in verdict.schedule if one.task_id not in held]
        begin(tx, structure, [Ready(one.uid, one.task_id, one.epoch, one.try_number + 1) for one in ready])
        patient = {task_id for task_id in held if structure.tasks[task_id].wait_for_past_before_skipping}
        end_undecided(tx, "skip", [one for one in verdict.skip if one.task_id not in patient])
        end_undecided(tx, "upstream_failed", verdict.upstream_failed)
    if mapped:
        consider_mapped(tx, run, structure, mapped)


def end_run(tx: Tx, run: RunRow) -> None:
    """End a run whose instances have all ended."""
    # One that somebody has failed was only waiting for its teardowns.
    finish_run(tx, run, RunState.FAILED if run.reason else verdict_on(tx, run), reason=run.reason)


def finish_run(tx: Tx, run: RunRow, state: RunState, *, reason: str = "") -> bool:
    """End a run, and have called what its end asks for; False if it had ended before."""
    if not runs.finish(tx, run.uid, state, reason=reason):
        return False
    structure = specs.structure_of(tx, run.version_uid)
    request_of_run(tx, run, structure, state, reason)
    plan_after_end(tx, run.dag_id, structure)
    if state is RunState.FAILED and structure.spec.max_consecutive_failed_dag_runs > 0:
        _pause_after_failures(tx, run, structure.spec.max_consecutive_failed_dag_runs)
    return True


def _pause_after_failures(tx: Tx, run: RunRow, most: int) -> None:
    newest = run_order.newest_states(tx, run.dag_id, most)
    if newest == [RunState.FAILED] * most and dags.set_paused(tx, run.dag_id, True):
        why = f"paused: its last {most} runs have failed (max_consecutive_failed_dag_runs)"
        sessions.audit(tx, "pause_dag", owner="scheduler", dag_id=run.dag_id, run_id=run.run_id, extra=why)


def verdict_on(tx: Tx, run: RunRow) -> RunState:
    """How a run has ended whose instances have all ended."""
    structure = specs.structure_of(tx, run.version_uid)
    mapped = set(structure.leaves) & structure.mapped.keys()
    states = {one.state for one in instances.of_tasks(tx, run.uid, set(structure.leaves) - mapped)}
    for counts in counts_of(tx, run, mapped).values():
        states.update(state for state, number in counts.items() if number)
    return final_state(states)
