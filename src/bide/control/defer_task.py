"""A running task gives its slot back: to wait for an event, or to look again later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bide.control.early_signals import limit_callbacks, take_early_looks, take_early_signals
from bide.control.journals import keep_entries
from bide.control.outcomes import write_outcome
from bide.model.dag_modules import shown
from bide.model.errors import Fenced, InvalidArgument
from bide.model.moments import from_unix, later
from bide.store import Store, Tx, instances, questions, runs, specs, transitions, waits, watches
from bide.store.ids import new_id
from bide.store.instances import InstanceRow
from bide.store.transitions import Guard
from bide.wire.messages import Defer, Reschedule, WaitSpec


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
    check_wait(report.wait)
    await store.write_together(_defer_many, _Leave(instance_id, epoch, defer=report))


async def reschedule_task(store: Store, instance_id: str, epoch: int, report: Reschedule) -> None:
    """Schedule the task again at a later moment, in the same try. Raises :class:`Fenced` if it has moved on."""
    # The limit of `execution_timeout` is for each look.
    sets = {"due_at": from_unix(report.at), "deadline": None, "seconds_left": None}
    await store.write_together(_reschedule_many, _Leave(instance_id, epoch, sets))


def _defer_many(tx: Tx, leaving: Sequence[_Leave]) -> list[Fenced | None]:
    left = _leave(tx, "defer", leaving)
    insert_waits(tx, [(row, one.defer) for one, row in zip(leaving, left, strict=True) if row and one.defer])
    return _answers(leaving, left)


def _reschedule_many(tx: Tx, leaving: Sequence[_Leave]) -> list[Fenced | None]:
    left = _leave(tx, "reschedule", leaving)
    if any(left):
        take_early_looks(tx, [row for row in left if row is not None])
        tx.ring("timers")
    return _answers(leaving, left)


def _leave(tx: Tx, name: str, leaving: Sequence[_Leave]) -> list[InstanceRow | None]:
    """Take running instances out of their workers; those that went have their new epochs, the others are None."""
    found = instances.get_many(tx, {one.instance_id for one in leaving})
    current: dict[str, _Leave] = {}
    for one in leaving:
        if one.instance_id in found and found[one.instance_id].epoch == one.epoch:
            current.setdefault(one.instance_id, one)
    grouped: dict[bool, list[Guard]] = {}
    for uid, one in current.items():
        kept = _time_kept(tx, found[uid]) if one.defer is not None else {}
        grouped.setdefault(bool(kept), []).append(Guard(uid, one.epoch, {"is_resume": False, **one.sets, **kept}))
    moved = [each for guards in grouped.values() for each in transitions.apply(tx, name, guards, by="worker")]
    left = {one.uid: found[one.uid]._replace(epoch=one.epoch) for one in moved}
    waits.delete_resumes(tx, [row.uid for row in left.values() if row.is_resume])
    return [left.get(one.instance_id) if current.get(one.instance_id) is one else None for one in leaving]


def _time_kept(tx: Tx, row: InstanceRow) -> dict[str, Any]:
    """What becomes of the limit of a try that begins to wait, where it counts work only."""
    if row.deadline is None:
        return {}
    run = runs.get_many(tx, [row.run_uid])[row.run_uid]
    task = specs.structure_of(tx, run.version_uid).tasks.get(row.task_id)
    if task is None or task.execution_timeout_counts == "total":
        return {}
    return {"deadline": None, "seconds_left": max(0.0, (row.deadline - tx.now).total_seconds())}


def _answers(leaving: Sequence[_Leave], left: Sequence[InstanceRow | None]) -> list[Fenced | None]:
    return [
        Fenced(f"the instance has moved on from epoch {one.epoch}, or is gone") if row is None else None
        for one, row in zip(leaving, left, strict=True)
    ]


def check_wait(spec: WaitSpec) -> None:
    """Raise :class:`InvalidArgument` for a timer that would never fire."""
    if spec.kind == "timer" and (spec.due_at is None or spec.outcome is None):
        raise InvalidArgument(f"a timer needs a moment and an outcome: {shown(spec.classpath)} gave none")
    for child in spec.children:
        check_wait(child)


def insert_waits(tx: Tx, deferred: Sequence[tuple[InstanceRow, Defer]]) -> None:
    """Store what these instances, as they are now, wait for."""
    rows = [row for instance, report in deferred for row in _wait(tx, instance, report)]
    for instance, report in deferred:
        keep_entries(tx, instance.uid, report.journal)
    waits.insert(tx, rows)
    specs_of = [spec for _, report in deferred for spec in _specs(report.wait)]
    watches.insert(tx, [(row.uid, spec.watch) for row, spec in zip(rows, specs_of, strict=True) if spec.watch])
    asked = [(row, spec.question) for row, spec in zip(rows, specs_of, strict=True) if spec.question]
    questions.ask(tx, [(row.instance_uid, row.uid, one) for row, one in asked])
    limit_callbacks(tx, rows)
    take_early_signals(tx, rows)


def _specs(spec: WaitSpec) -> list[WaitSpec]:
    """A wait and what it is made of, in the order of :func:`_rows`."""
    return [spec, *(below for child in spec.children for below in _specs(child))]


def _wait(tx: Tx, instance: InstanceRow, report: Defer) -> list[waits.WaitRow]:
    """The rows of one wait: its root first, then what that is made of."""
    root, *below = _rows(tx, instance, report.wait, parent_uid=None, timeout=report.timeout)
    # The wait of a function that is replayed has the name of its entry in the journal.
    name = report.journal[-1].key if report.journal else ""
    return [root._replace(method=report.method, resume_kwargs=report.kwargs, name=name), *below]


def _rows(
    tx: Tx, instance: InstanceRow, spec: WaitSpec, *, parent_uid: str | None, timeout: float | None
) -> list[waits.WaitRow]:
    row = waits.WaitRow(
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
        outcome=None if spec.outcome is None else write_outcome(spec.outcome),
        deadline=None if timeout is None else later(tx.now, timeout),
        armed_at=tx.now,
        parent_uid=parent_uid,
        name=spec.name,
        needed=spec.needed,
        signal_name=spec.signal,
        queue=spec.queue,
        group_key=spec.group_key,
    )
    rows = [row]
    for child in spec.children:
        rows += _rows(tx, instance, child, parent_uid=row.uid, timeout=child.timeout)
    return rows
