"""How an instance's try or wait ends: the one path for every ending, whoever reports it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

import msgspec

from bide.control.ending_callbacks import Ended, request
from bide.control.record_assets import of_outlets, record_events
from bide.model.retries import AfterFailure, after_failed_wait, after_failure
from bide.model.states import TaskState
from bide.store import runs, specs, transitions, waits
from bide.store.database import Tx
from bide.store.instances import InstanceRow
from bide.store.transitions import Guard, Moved
from bide.wire.messages import NextPlacement

#: The transition that ends an instance, by its state and by what becomes of it.
_ENDING: Final[dict[tuple[TaskState, str], str]] = {
    (TaskState.RUNNING, "success"): "succeed",
    (TaskState.RUNNING, "skipped"): "skip_self",
    (TaskState.RUNNING, "failed"): "fail",
    (TaskState.RUNNING, "up_for_retry"): "retry",
    (TaskState.DEFERRED, "success"): "succeed_waiting",
    (TaskState.DEFERRED, "skipped"): "skip_waiting",
    (TaskState.DEFERRED, "failed"): "fail_waiting",
    (TaskState.DEFERRED, "up_for_retry"): "retry_waiting",
    (TaskState.SCHEDULED, "failed"): "fail_idle",
    (TaskState.SCHEDULED, "up_for_retry"): "retry_idle",
    (TaskState.QUEUED, "failed"): "fail_idle",
    (TaskState.QUEUED, "up_for_retry"): "retry_idle",
}


class Ending(NamedTuple):
    """An instance that ends, under the epoch that whoever reports it holds."""

    instance: InstanceRow
    epoch: int
    state: Literal["success", "failed", "skipped"]
    error: str = ""
    may_retry: bool = True
    #: Seconds before the next try, in place of what the task says.
    retry_delay: float | None = None
    #: Whether a wait failed, rather than the task's own code: then `soft_fail` counts.
    in_wait: bool = False
    #: Whether the engine ends it without its worker, which then must be fenced.
    forced: bool = False
    #: Whether its worker calls callbacks and listeners; None if it has no say, so that another process has to.
    calls: bool | None = None
    #: Where its next try is to run, if that is not where this one did.
    placement: NextPlacement | None = None


def end(tx: Tx, endings: Sequence[Ending], *, by: str) -> list[Moved]:
    """End these instances: success, skipped, failed or up for retry. Late ones are left alone."""
    grouped: dict[tuple[str, bool], list[Guard]] = {}
    ended: dict[str, Ended] = {}
    for one in endings:
        verdict = _verdict(tx, one)
        name = _ENDING.get((one.instance.state, verdict.state))
        if name is None:
            continue  # it is in a state that this report can't come from: the report is late
        if name == "fail" and one.forced:
            name = "fail_running"
        if one.calls is not False:
            state = TaskState(verdict.state)
            ended[one.instance.uid] = Ended(one.instance, one.epoch, state, one.error, in_worker=bool(one.calls))
        guard = Guard(one.instance.uid, one.epoch, _columns(one, verdict, tx.now))
        grouped.setdefault((name, one.placement is not None), []).append(guard)
    moved: list[Moved] = []
    for (name, _), guards in grouped.items():
        moved += transitions.apply(tx, name, guards, by=by)
        if name.startswith("retry"):
            tx.ring("timers")
        if name == "succeed_waiting":
            _record_outlets(tx, moved, [one.instance for one in endings])
    resumed = {one.instance.uid for one in endings if one.instance.is_resume}
    waits.delete_resumes(tx, [one.uid for one in moved if one.uid in resumed])
    request(tx, [ended[one.uid] for one in moved if one.uid in ended])
    return moved


def _record_outlets(tx: Tx, moved: Sequence[Moved], ended: Sequence[InstanceRow]) -> None:
    """Make the events of tasks that ended well without a worker."""
    went = {one.uid for one in moved}
    found = [one for one in ended if one.uid in went]
    run_rows = runs.get_many(tx, list({one.run_uid for one in found}))
    for one in found:
        spec = specs.structure_of(tx, run_rows[one.run_uid].version_uid).spec
        if spec.assets:
            record_events(tx, of_outlets(tx, one, spec))


def _verdict(tx: Tx, one: Ending) -> AfterFailure:
    if one.state != "failed":
        return AfterFailure(one.state)
    instance = one.instance
    run = runs.get_many(tx, [instance.run_uid])[instance.run_uid]
    task = specs.structure_of(tx, run.version_uid).tasks.get(instance.task_id)
    decide = after_failed_wait if one.in_wait else after_failure
    return decide(
        task,
        try_number=instance.try_number,
        max_tries=instance.max_tries,
        may_retry=one.may_retry,
        retry_delay=one.retry_delay,
        now=tx.now,
    )


def _columns(one: Ending, verdict: AfterFailure, now: datetime) -> dict[str, Any]:
    started = one.instance.start_date
    columns: dict[str, Any] = {
        "end_date": now,
        "duration": None if started is None else (now - started).total_seconds(),
        "deadline": None,
        "seconds_left": None,
        "due_at": verdict.due_at,
        "is_resume": False,
        "error": one.error,
    }
    return columns if one.placement is None else columns | msgspec.structs.asdict(one.placement)
