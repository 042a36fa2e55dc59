"""Let a task begin, or begin again: in a worker, or with the wait of its trigger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from bide.model.moments import later
from bide.model.run_state import Structure
from bide.store import Tx, transitions, waits
from bide.store.ids import new_id
from bide.store.transitions import Guard, Moved

#: What is shown of a wait that is still to be made.
_SUBJECT: Final = "its start_trigger_args, which are being evaluated"


class Ready(NamedTuple):
    """An instance that may begin its try `try_number`."""

    uid: str
    task_id: str
    epoch: int
    try_number: int


def begin(tx: Tx, structure: Structure, ready: Sequence[Ready]) -> list[Moved]:
    """none → scheduled, or → deferred for tasks that start from their trigger."""
    return _begin(tx, structure, ready, "schedule", {})


def begin_again(tx: Tx, structure: Structure, ready: Sequence[Ready]) -> list[Moved]:
    """up_for_retry → scheduled or deferred: a new try, with its own start, deadline and count of rescues."""
    fresh = {"due_at": None, "end_date": None, "duration": None, "rescues": 0}
    return _begin(tx, structure, ready, "retry_due", fresh)


def _begin(tx: Tx, structure: Structure, ready: Sequence[Ready], name: str, fresh: dict[str, Any]) -> list[Moved]:
    waiting = [one for one in ready if structure.tasks[one.task_id].starts_from_trigger]
    held = {one.uid for one in waiting}
    common = {**fresh, "scheduled_at": tx.now}
    if name == "retry_due":
        common |= {"start_date": None, "deadline": None}
    guards = [
        Guard(one.uid, one.epoch, {**common, "try_number": one.try_number}) for one in ready if one.uid not in held
    ]
    return [*transitions.apply(tx, name, guards, by="scheduler"), *_begin_waiting(tx, structure, waiting, fresh)]


def _begin_waiting(tx: Tx, structure: Structure, ready: Sequence[Ready], fresh: dict[str, Any]) -> list[Moved]:
    """Such a task has started as soon as it is deferred, although its wait is only about to be made."""
    guards: list[Guard] = []
    for one in ready:
        task = structure.tasks[one.task_id]
        limit = task.execution_timeout if task.execution_timeout_counts == "total" else None
        sets = {
            **fresh,
            "try_number": one.try_number,
            "start_date": tx.now,
            "deadline": None if limit is None else later(tx.now, limit),
        }
        guards.append(Guard(one.uid, one.epoch, sets))
    moved = transitions.apply(tx, "begin_waiting", guards, by="scheduler")
    waits.insert(tx, [_start_row(tx, one) for one in moved])
    if any(guard.sets["deadline"] is not None for guard in guards):
        tx.ring("timers")
    return moved


def _start_row(tx: Tx, moved: Moved) -> waits.WaitRow:
    return waits.WaitRow(
        uid=new_id(tx.now),
        instance_uid=moved.uid,
        run_uid=moved.run_uid,
        epoch=moved.epoch,
        kind="start",
        classpath="",
        kwargs=b"",
        subject=_SUBJECT,
        has_on_kill=False,
        armed_at=tx.now,
    )
