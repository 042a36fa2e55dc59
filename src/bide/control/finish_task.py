"""A task's code has ended, and so says its worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from bide.control.advance_runs import advance_marked
from bide.control.endings import Ending, end
from bide.control.record_assets import NewEvent, of_worker, record_events
from bide.control.skip_downstream import skip_downstream
from bide.model.errors import Fenced
from bide.store import Store, Tx, instances, mapped_instances, runs, specs, xcoms
from bide.wire.messages import Finish

#: Key under which a return value is stored.
RETURN_VALUE = "return_value"


#: Marks of their runs that ends of tasks work off.
_MARKS: Final = 1_000


class _Report(NamedTuple):
    instance_id: str
    epoch: int
    finish: Finish


async def finish_task(store: Store, instance_id: str, epoch: int, report: Finish) -> None:
    """Store the task's end together with its return value. Raises :class:`Fenced` if it has moved on."""
    await store.write_together(_finish_many, _Report(instance_id, epoch, report))


def _finish_many(tx: Tx, reports: Sequence[_Report]) -> list[Fenced | None]:
    """End the tasks that ended at the same time; the answer has an error for each that came too late."""
    found = instances.get_many(tx, {one.instance_id for one in reports})
    current: dict[str, _Report] = {}
    for one in reports:
        if one.instance_id in found and found[one.instance_id].epoch == one.epoch:
            current.setdefault(one.instance_id, one)
    endings = [
        Ending(
            found[uid],
            one.epoch,
            one.finish.state,
            one.finish.error,
            one.finish.may_retry,
            one.finish.retry_delay,
            calls=one.finish.calls,
            placement=one.finish.placement,
        )
        for uid, one in current.items()
    ]
    ended = {moved.uid for moved in end(tx, endings, by="worker")}
    values: list[xcoms.XComRow] = []
    events: list[NewEvent] = []
    answers: list[Fenced | None] = []
    for one in reports:
        instance = found.get(one.instance_id)
        if instance is None or instance.uid not in ended or current.get(instance.uid) is not one:
            state = "gone" if instance is None else str(instance.state)
            answers.append(Fenced(f"the instance has moved on from epoch {one.epoch}; it is {state} now"))
            continue
        answers.append(None)
        if one.finish.return_value is not None:
            values.append(instance.xcom(RETURN_VALUE, one.finish.return_value, one.finish.length))
        events += of_worker(tx, instance, one.finish.events)
        if one.finish.skip:
            run = runs.get_many(tx, [instance.run_uid])[instance.run_uid]
            structure = specs.structure_of(tx, run.version_uid)
            values.append(skip_downstream(tx, instance, structure, one.finish.skip))
    xcoms.put(tx, values)
    record_events(tx, events)
    mapped_instances.set_names(
        tx, {one.instance_id: one.finish.map_name for one in reports if one.instance_id in ended}
    )
    # The marks that these ends have left are worked off at once: nobody need be woken for them.
    tx.hush("marks")
    if ended and advance_marked(tx, _MARKS, {found[uid].run_uid for uid in ended}) == _MARKS:
        tx.ring("marks")
    return answers
