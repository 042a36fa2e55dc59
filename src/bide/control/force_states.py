"""Changes that a person forces on task instances: who holds them loses them, what they wait for is ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bide.control.cancel_external import oblige, oblige_jobs
from bide.control.ending_callbacks import Ended, request
from bide.model.selection import Change
from bide.model.states import FINISHED, UNFINISHED, TaskState
from bide.store import Tx, instances, signals, task_states, transitions, waits
from bide.store.transitions import Guard

#: A cleared instance begins anew; its history and the logs of its tries stay.
_CLEARED: Mapping[str, Any] = {
    "rescues": 0,
    "is_resume": False,
    "session": None,
    "scheduled_at": None,
    "queued_at": None,
    "start_date": None,
    "end_date": None,
    "duration": None,
    "deadline": None,
    "seconds_left": None,
    "due_at": None,
    "error": "",
}


def force(
    tx: Tx, changes: Sequence[Change], *, by: str, error: str = "", retries: Mapping[str, int] | None = None
) -> list[Change]:
    """Apply `changes`; the answer has those whose instance had not moved on meanwhile.

    In the same transaction their epochs go up, so that a late message of a worker or a trigger loses; their waits
    are deleted, and where external work has to be cancelled, that is written down. Workers and triggers are told
    once it is durable. `error` is that of instances that fail; `retries` has those of cleared tasks by task id.
    """
    waiting = waits.of_instances(tx, [one.found.uid for one in changes if one.found.state is TaskState.DEFERRED])
    grouped: dict[str, list[Guard]] = {}
    for one in changes:
        sets = _columns(tx, one, error, retries or {})
        grouped.setdefault(one.transition, []).append(Guard(one.found.uid, one.found.epoch, sets))
    moved = {one.uid for name, guards in grouped.items() for one in transitions.apply(tx, name, guards, by=by)}
    if not moved:
        return []
    ended = [row for row in waiting if row.instance_uid in moved]
    oblige(tx, ended)
    waits.delete(tx, [row.uid for row in ended])
    waits.delete_resumes(tx, moved)
    signals.delete_of_instances(tx, moved)
    went = [one for one in changes if one.found.uid in moved]
    oblige_jobs(tx, [one.found for one in went if _may_have_job(one)], ended)
    task_states.delete_progress(tx, [one.found.uid for one in went if one.target is TaskState.NONE])
    _call_back(tx, went, error)
    tx.ring("cancels", "drops")
    return went


def _call_back(tx: Tx, went: Sequence[Change], error: str) -> None:
    """What had begun, and was ended by force, has ended like any other."""
    ended = [one for one in went if one.found.state in UNFINISHED - {TaskState.NONE} and one.target in FINISHED]
    rows = instances.get_many(tx, {one.found.uid for one in ended}) if ended else {}
    request(
        tx,
        [
            Ended(
                rows[one.found.uid]._replace(state=one.found.state),
                rows[one.found.uid].epoch,
                one.target,
                error if one.target is TaskState.FAILED else "",
            )
            for one in ended
        ],
    )


def _may_have_job(change: Change) -> bool:
    """Whether work outside may go on that nobody will wait for any more. A task that has succeeded has none.

    One that has failed may have left its job running, for a try that comes to go on with it.
    """
    state = change.found.state
    return state not in FINISHED or (state is not TaskState.SUCCESS and change.target is TaskState.NONE)


def _columns(tx: Tx, change: Change, error: str, retries: Mapping[str, int]) -> dict[str, Any]:
    one = change.found
    if change.target is TaskState.NONE:
        # All retries again; the number of the try only ever goes up.
        return {**_CLEARED, "max_tries": one.try_number + retries.get(one.task_id, 0)}
    failed = change.target is TaskState.FAILED
    return {
        "end_date": tx.now,
        "deadline": None,
        "seconds_left": None,
        "due_at": None,
        "is_resume": False,
        "error": error if failed else "",
    }
