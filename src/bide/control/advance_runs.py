"""Let runs go on: read the marks of finished instances, decide on their successors, end runs that are done.

The end of a task does this in its own transaction, so that its successors are scheduled by the commit that ends it.
A duty does it for everything else that finishes instances, and for what its own decisions skip.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from bide.control.begin_tasks import Ready, begin
from bide.control.ending_callbacks import request_of_run
from bide.control.plan_runs import plan_after_end
from bide.control.skip_downstream import skip_left_out
from bide.model.run_state import Instance, advance, final_state, needed, successors
from bide.model.states import FINISHED_RUN, RunState
from bide.store import Tx, instances, runs, specs, transitions, watches
from bide.store.runs import RunRow
from bide.store.transitions import Guard


def advance_marked(tx: Tx, limit: int, only: str | None = None) -> int:
    """Work off up to `limit` of the oldest marks, of all runs or of the run `only`; the answer says how many.

    The marks that these decisions leave are for the next call.
    """
    marks = instances.read_marks(tx, limit, only)
    if not marks:
        return 0
    finished: dict[str, set[str]] = defaultdict(set)
    for mark in marks:
        finished[mark.run_uid].add(mark.task_id)
    instances.delete_marks(tx, [mark.id for mark in marks])
    for run in runs.get_many(tx, list(finished)).values():
        if run.watched:
            watches.touch(tx, run.dag_id, run.run_id, run.logical_date)
        if run.state not in FINISHED_RUN:
            _advance(tx, run, finished[run.uid])
    return len(marks)


def _advance(tx: Tx, run: RunRow, finished: set[str]) -> None:
    structure = specs.structure_of(tx, run.version_uid)
    if run.unfinished == 0:
        end_run(tx, run)
    elif run.state is RunState.RUNNING:
        # One that is queued is looked at as a whole when it starts.
        consider(tx, run, successors(structure, finished))


def consider(tx: Tx, run: RunRow, candidates: Collection[str]) -> None:
    """Decide on those of these tasks of a running run that nobody has decided on yet."""
    if not candidates:
        return
    structure = specs.structure_of(tx, run.version_uid)
    if structure.skippers:
        skip_left_out(tx, run, structure, candidates)
    found = instances.of_tasks(tx, run.uid, needed(structure, candidates))
    verdict = advance(structure, candidates, found)
    begin(tx, structure, [Ready(one.uid, one.task_id, one.epoch, one.try_number + 1) for one in verdict.schedule])
    for name, ended in (("skip", verdict.skip), ("upstream_failed", verdict.upstream_failed)):
        transitions.apply(tx, name, _ended(tx, ended), by="scheduler")


def _ended(tx: Tx, ended: Sequence[Instance]) -> list[Guard]:
    return [Guard(one.uid, one.epoch, {"end_date": tx.now}) for one in ended]


def end_run(tx: Tx, run: RunRow) -> None:
    """End a run whose instances have all ended."""
    finish_run(tx, run, verdict_on(tx, run))


def finish_run(tx: Tx, run: RunRow, state: RunState, *, reason: str = "") -> bool:
    """End a run, and have called what its end asks for; False if it had ended before."""
    if not runs.finish(tx, run.uid, state, reason=reason):
        return False
    structure = specs.structure_of(tx, run.version_uid)
    request_of_run(tx, run, structure, state, reason)
    plan_after_end(tx, run.dag_id, structure)
    return True


def verdict_on(tx: Tx, run: RunRow) -> RunState:
    """How a run has ended whose instances have all ended."""
    structure = specs.structure_of(tx, run.version_uid)
    leaves = instances.of_tasks(tx, run.uid, structure.leaves)
    return final_state(one.state for one in leaves)
