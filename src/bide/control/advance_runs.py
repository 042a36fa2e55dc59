"""Let runs go on: read the marks of finished instances, decide on their successors, end runs that are done.

The end of a task does this in its own transaction, so that its successors are scheduled by the commit that ends it.
A duty does it for everything else that finishes instances, and for what its own decisions skip.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from bide.model.run_state import Instance, Structure, advance, final_state, needed, successors
from bide.model.states import FINISHED_RUN
from bide.store import Tx, instances, runs, specs, transitions
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
        if run.state not in FINISHED_RUN:
            _advance(tx, run, finished[run.uid])
    return len(marks)


def _advance(tx: Tx, run: RunRow, finished: set[str]) -> None:
    structure = specs.structure_of(tx, run.version_uid)
    if run.unfinished == 0:
        _end(tx, run, structure)
        return
    candidates = successors(structure, finished)
    if not candidates:
        return
    found = instances.of_tasks(tx, run.uid, needed(structure, candidates))
    verdict = advance(structure, candidates, found)
    transitions.apply(
        tx,
        "schedule",
        [Guard(one.uid, one.epoch, {"scheduled_at": tx.now, "try_number": 1}) for one in verdict.schedule],
        by="scheduler",
    )
    for name, ended in (("skip", verdict.skip), ("upstream_failed", verdict.upstream_failed)):
        transitions.apply(tx, name, _ended(tx, ended), by="scheduler")


def _ended(tx: Tx, ended: Sequence[Instance]) -> list[Guard]:
    return [Guard(one.uid, one.epoch, {"end_date": tx.now}) for one in ended]


def _end(tx: Tx, run: RunRow, structure: Structure) -> None:
    leaves = instances.of_tasks(tx, run.uid, structure.leaves)
    runs.finish(tx, run.uid, final_state(one.state for one in leaves))
