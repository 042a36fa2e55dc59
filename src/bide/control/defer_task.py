"""A running task gives its slot back: to wait for an event, or to look again later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from bide.model.errors import Fenced, InvalidArgument
from bide.model.moments import from_unix, later
from bide.model.sealed import refuse_sealed
from bide.store import Store, Tx, instances, transitions, waits
from bide.store.ids import new_id
from bide.store.instances import InstanceRow
from bide.store.transitions import Guard
from bide.wire.messages import Defer, Outcome, Reschedule

_encode_outcome = msgspec.msgpack.Encoder().encode
_outcome_decoder = msgspec.msgpack.Decoder(Outcome)


class _Leave(NamedTuple):
    """A running instance that gives its slot back."""

    instance_id: str
    epoch: int
    sets: Mapping[str, Any] = {}
    defer: Defer | None = None


async def defer_task(store: Store, instance_id: str, epoch: int, report: Defer) -> None:
    """Store the wait and the task's new state in one transaction.

    Raises :class:`Fenced` if it has moved on, and :class:`InvalidArgument` for a timer that would never fire.
    """
    if report.wait.kind == "timer" and (report.wait.due_at is None or report.wait.outcome is None):
        raise InvalidArgument(f"a timer needs a moment and an outcome: {report.wait.classpath} gave none")
    await store.write_together(_defer_many, _Leave(instance_id, epoch, defer=report))


async def reschedule_task(store: Store, instance_id: str, epoch: int, report: Reschedule) -> None:
    """Schedule the task again at a later moment, in the same try. Raises :class:`Fenced` if it has moved on."""
    # The limit of `execution_timeout` is for each look.
    sets = {"due_at": from_unix(report.at), "deadline": None}
    await store.write_together(_reschedule_many, _Leave(instance_id, epoch, sets))


def read_outcome(data: bytes) -> Outcome:
    """The outcome that a timer was armed with. Raises KeyMissing if the store could not open it."""
    refuse_sealed(data)
    return _outcome_decoder.decode(data)


def _defer_many(tx: Tx, leaving: Sequence[_Leave]) -> list[Fenced | None]:
    left = _leave(tx, "defer", leaving)
    waits.insert(
        tx, [_wait(tx, row, one.defer) for one, row in zip(leaving, left, strict=True) if row and one.defer]
    )
    return _answers(leaving, left)


def _reschedule_many(tx: Tx, leaving: Sequence[_Leave]) -> list[Fenced | None]:
    left = _leave(tx, "reschedule", leaving)
    if any(left):
        tx.ring("timers")
    return _answers(leaving, left)


def _leave(tx: Tx, name: str, leaving: Sequence[_Leave]) -> list[InstanceRow | None]:
    """Take running instances out of their workers; those that went have their new epochs, the others are None."""
    found = instances.get_many(tx, {one.instance_id for one in leaving})
    current: dict[str, _Leave] = {}
    for one in leaving:
        if one.instance_id in found and found[one.instance_id].epoch == one.epoch:
            current.setdefault(one.instance_id, one)
    guards = [Guard(uid, one.epoch, {"is_resume": False, **one.sets}) for uid, one in current.items()]
    moved = transitions.apply(tx, name, guards, by="worker")
    left = {one.uid: found[one.uid]._replace(epoch=one.epoch) for one in moved}
    waits.delete_resumes(tx, [row.uid for row in left.values() if row.is_resume])
    return [left.get(one.instance_id) if current.get(one.instance_id) is one else None for one in leaving]


def _answers(leaving: Sequence[_Leave], left: Sequence[InstanceRow | None]) -> list[Fenced | None]:
    return [
        Fenced(f"the instance has moved on from epoch {one.epoch}, or is gone") if row is None else None
        for one, row in zip(leaving, left, strict=True)
    ]


def _wait(tx: Tx, instance: InstanceRow, report: Defer) -> waits.WaitRow:
    spec = report.wait
    return waits.WaitRow(
        uid=new_id(tx.now),
        instance_uid=instance.uid,
        run_uid=instance.run_uid,
        epoch=instance.epoch,
        kind=spec.kind,
        classpath=spec.classpath,
        kwargs=spec.kwargs,
        subject=spec.subject,
        has_on_kill=spec.has_on_kill,
        interval=spec.interval,
        due_at=None if spec.due_at is None else from_unix(spec.due_at),
        outcome=None if spec.outcome is None else _encode_outcome(spec.outcome),
        method=report.method,
        resume_kwargs=report.kwargs,
        deadline=None if report.timeout is None else later(tx.now, report.timeout),
        armed_at=tx.now,
        session=None,
        token=0,
    )
