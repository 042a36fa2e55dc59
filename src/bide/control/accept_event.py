"""A wait has ended: take its event, once, and let the task go on or end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bide.control.endings import Ending, end
from bide.control.journals import EndedWait, settle_waits
from bide.control.outcomes import kept_outcome
from bide.control.shared_streams import put_back, take_messages
from bide.control.wait_trees import PartOver, settle_trees
from bide.control.watch_assets import accept_watched
from bide.model.dag_modules import shown
from bide.model.failed_waits import RESUME_WITH_ERROR, failure_told
from bide.model.journal import RESUME_BY_REPLAY
from bide.model.values import encode
from bide.store import Store, Tx, instances, runs, specs, transitions, waits, xcoms
from bide.store.instances import InstanceRow
from bide.store.transitions import Guard
from bide.store.waits import WaitRow
from bide.wire.messages import Outcome
from bide.wire.stream_messages import MessageKey
from bide.wire.trigger_messages import FurtherEvent


class WaitEnding(NamedTuple):
    """What a trigger runner says of a wait that it holds under `token`: an outcome, or why it failed."""

    wait_id: str
    token: int
    outcome: Outcome | None = None
    error: str = ""
    #: Whether the error is in the task's log already, since the trigger's runner has written it there.
    is_logged: bool = True
    #: The message that it comes from, where each is for one wait only.
    message: MessageKey | None = None
    #: Whether the runner goes on only when it knows what became of this.
    asks: bool = False
    #: Of a watcher, which goes on after its event; and when the message was written that it comes from.
    on: bool = False
    written_at: float | None = None
    #: Events of a watcher that came with this one.
    more: Sequence[FurtherEvent] = ()


async def accept_many(store: Store, endings: Sequence[WaitEnding]) -> set[str]:
    """Accept these endings in one transaction; the answer names the waits whose ending was the first.

    An ending under a stale token, for a wait that is over, or by a message that another wait has had, is dropped.
    Endings of watchers count as well, and their events (:mod:`bide.control.watch_assets`).
    """

    def work(tx: Tx) -> set[str]:
        rows = waits.get_many(tx, {one.wait_id for one in endings})
        valid: dict[str, tuple[WaitRow, WaitEnding]] = {}
        for one in endings:
            row = rows.get(one.wait_id)
            if row is not None and row.token == one.token and row.uid not in valid:
                valid[row.uid] = (row, one)
        strangers = [one for one in endings if one.wait_id not in rows]
        watched = accept_watched(tx, strangers) if strangers else set[str]()
        takers = take_messages(tx, {uid: one.message for uid, (_, one) in valid.items() if one.message is not None})
        pairs = [(row, one) for uid, (row, one) in valid.items() if one.message is None or uid in takers]
        ended = end_waits(tx, pairs, by="trigger")
        put_back(tx, [message for uid, message in takers.items() if uid not in ended])
        return ended | watched

    return await store.write(work)


async def accept_outcome(store: Store, wait_id: str, token: int, outcome: Outcome) -> bool:
    """Accept one outcome; False if it came too late."""
    return bool(await accept_many(store, [WaitEnding(wait_id, token, outcome)]))


async def fail_wait(store: Store, wait_id: str, token: int, error: str) -> bool:
    """Fail the task that waits, with `error`; False if that came too late."""
    return bool(await accept_many(store, [WaitEnding(wait_id, token, error=error)]))


def fire_timers(tx: Tx, due: Sequence[WaitRow]) -> dict[str, str]:
    """End timers that are due, each with the outcome that it was armed with.

    The answer has the errors of those whose outcome can't be read, by instance; the engine alone can log them.
    """
    pairs = [(row, _fired(row)) for row in due]
    ended = end_waits(tx, pairs, by="timer")
    return {row.instance_uid: one.error for row, one in pairs if one.error and row.uid in ended}


def _fired(row: WaitRow) -> WaitEnding:
    # A task whose outcome can't be read fails; the other timers fire.
    return WaitEnding(row.uid, row.token, *kept_outcome(row.outcome, f"timer {shown(row.classpath)}"))


def end_waits(tx: Tx, pairs: Sequence[tuple[WaitRow, WaitEnding]], *, by: str, may_retry: bool = True) -> set[str]:
    """End `pairs` of waits and what they ended with; the answer names those that their instance still awaited."""
    parts = [PartOver(row, one.outcome, one.error) for row, one in pairs if row.parent_uid is not None]
    if not parts:
        return _end_roots(tx, pairs, by=by, may_retry=may_retry)
    after = settle_trees(tx, parts)
    roots = [(row, one) for row, one in pairs if row.parent_uid is None]
    roots += [(one.row, WaitEnding(one.row.uid, one.row.token, one.outcome, one.error)) for one in after.over]
    ended = _end_roots(tx, roots, by=by, may_retry=may_retry)
    # The end of a whole tree counts only if its instance still awaited it; roots of trees were not asked about.
    for one in after.over:
        if one.row.uid not in ended:
            del after.taken[one.row.instance_uid]
    return (ended - {one.row.uid for one in after.over}).union(*after.taken.values())


def _end_roots(tx: Tx, pairs: Sequence[tuple[WaitRow, WaitEnding]], *, by: str, may_retry: bool) -> set[str]:
    owners = instances.get_many(tx, {row.instance_uid for row, _ in pairs})
    resumes: list[EndedWait] = []
    endings: list[Ending] = []
    values: dict[str, list[xcoms.XComRow]] = {}
    wait_of: dict[str, str] = {}
    for row, one in pairs:
        owner = owners.get(row.instance_uid)
        if owner is None:
            continue
        wait_of[owner.uid] = row.uid
        outcome = one.outcome
        if _goes_on(tx, row, outcome, owner):
            resumes.append(EndedWait(row, outcome, one.error))
        else:
            endings.append(_ending(row, one, owner, may_retry))
            if outcome is not None:
                values[owner.uid] = [
                    owner.xcom(key, value, outcome.lengths.get(key)) for key, value in outcome.xcoms.items()
                ]
    moved = _resume(tx, resumes, by=by) + end(tx, endings, by=by)
    xcoms.put(tx, [value for one in moved for value in values.get(one.uid, ())])
    # What its own trigger ended, or no trigger served, needs no dropping.
    served = any(row.needed is not None or (by != "trigger" and row.session is not None) for row, _ in pairs)
    waits.delete(tx, [row.uid for row, _ in pairs], ring=served)
    return {wait_of[one.uid] for one in moved}


def _goes_on(tx: Tx, row: WaitRow, outcome: Outcome | None, owner: InstanceRow) -> bool:
    """Whether the task goes on in a worker, rather than ending with its wait."""
    if outcome is not None:
        return outcome.kind == "event" and row.method is not None
    return row.method == RESUME_BY_REPLAY or (row.kind != "start" and _handles_failed_waits(tx, owner))


def _handles_failed_waits(tx: Tx, owner: InstanceRow) -> bool:
    run = runs.get_many(tx, [owner.run_uid])[owner.run_uid]
    task = specs.structure_of(tx, run.version_uid).tasks.get(owner.task_id)
    return task is not None and task.handles_failed_waits


def _resume(tx: Tx, resumes: Sequence[EndedWait], *, by: str) -> list[transitions.Moved]:
    guards = [
        Guard(one.row.instance_uid, one.row.epoch, {"is_resume": True, "scheduled_at": tx.now}) for one in resumes
    ]
    moved = transitions.apply(tx, "resume", guards, by=by)
    went = {one.uid for one in moved}
    gone_on = [one for one in resumes if one.row.instance_uid in went]
    timed_out = by == "timeout"
    waits.put_resumes(tx, [_resume_row(one, timed_out) for one in gone_on])
    settle_waits(tx, gone_on, timed_out=timed_out)
    return moved


def _resume_row(one: EndedWait, timed_out: bool) -> waits.ResumeRow:
    row, method = one.row, one.row.method
    if method == RESUME_BY_REPLAY:
        event = b"null"  # the function finds it in its journal
    elif one.outcome is None:
        event = encode(failure_told(method, one.error, timed_out=timed_out), what="error")
        method = RESUME_WITH_ERROR
    else:
        event = one.outcome.payload
    return waits.ResumeRow(row.instance_uid, method or "", row.resume_kwargs, event)


def _ending(row: WaitRow, one: WaitEnding, owner: InstanceRow, may_retry: bool) -> Ending:
    outcome = one.outcome
    if outcome is None:
        # A wait that could not even be made is the task's own failure.
        in_wait = row.kind != "start"
        return Ending(owner, row.epoch, "failed", one.error, may_retry=may_retry, in_wait=in_wait)
    if outcome.kind == "event":
        error = (
            f"the trigger {shown(row.classpath)} yielded an event, but defer() gave no method_name to resume at: "
            "name one, or yield TaskSuccessEvent, TaskFailedEvent or TaskSkippedEvent"
        )
        return Ending(owner, row.epoch, "failed", error)
    which = f"trigger {shown(row.classpath)}" if row.needed is None else f"wait for {row.subject}"
    error = f"the {which} ended the task as failed" if outcome.kind == "failed" else ""
    return Ending(owner, row.epoch, outcome.kind, error)
