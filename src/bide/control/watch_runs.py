"""What tasks wait for in other runs: looked at when it begins, and whenever one of those runs has changed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from bide.control.accept_event import WaitEnding, end_waits
from bide.model.run_state import Structure
from bide.model.values import encode
from bide.model.watching import SeenRun, Verdict, Watch, decide
from bide.store import Tx, dags, instances, runs, specs, waits, watches
from bide.store.runs import RunRow
from bide.wire.messages import Outcome

#: Kinds of outcome of a wait that ends its task.
_ENDS: Final = "success"


def look(tx: Tx, watch: Watch) -> Verdict:
    """What the watch has come to."""
    dates = {date: datetime.fromisoformat(date) for date in watch.logical_dates}
    found = [run for run, _ in runs.named(tx, watch.dag_id, watch.run_ids, dates.values())]
    targets = [(run_id, [run for run in found if run.run_id == run_id]) for run_id in watch.run_ids]
    targets += [(name, [run for run in found if run.logical_date == date]) for name, date in dates.items()]
    return decide(watch, [(name, [_seen(tx, watch, run) for run in group]) for name, group in targets])


def _seen(tx: Tx, watch: Watch, run: RunRow) -> SeenRun:
    if not watch.of_tasks:
        return SeenRun(run.run_id, {"": [run.state]})
    task_ids = watch.task_ids
    if watch.group_id is not None:
        task_ids = tuple(tasks_of_group(specs.structure_of(tx, run.version_uid), watch.group_id))
    states: dict[str, list[str]] = {task_id: [] for task_id in task_ids}
    for one in instances.of_tasks(tx, run.uid, task_ids):
        states[one.task_id].append(one.state)
    return SeenRun(run.run_id, states)


def tasks_of_group(structure: Structure, group_id: str) -> list[str]:
    """The tasks in a group and in groups in it."""
    inside = {group_id}
    for group in structure.spec.groups:  # outer ones come first
        if group.parent in inside:
            inside.add(group.group_id)
    return [task.task_id for task in structure.spec.tasks if task.group_id in inside]


def missing(tx: Tx, watch: Watch) -> str:
    """What of the DAG that is watched does not exist; empty if all is there."""
    found = dags.find(tx, watch.dag_id)
    if found is None or not found.is_active:
        return f"there is no DAG {watch.dag_id!r}"
    structure = specs.structure_of(tx, found.version_uid)
    lacking = [task_id for task_id in watch.task_ids if task_id not in structure.tasks]
    if lacking:
        return f"DAG {watch.dag_id!r} has no task {', '.join(map(repr, lacking))}"
    if watch.group_id is not None and all(group.group_id != watch.group_id for group in structure.spec.groups):
        return f"DAG {watch.dag_id!r} has no task group {watch.group_id!r}"
    return ""


def settle_watches(tx: Tx, limit: int, only: str | None = None) -> int:
    """Look at up to `limit` changes of watched runs, and end the waits that are decided; how many there were."""
    changes = watches.touched(tx, limit, only)
    rows = waits.get_many(tx, {one.wait_uid for one in changes})
    verdicts = {one.wait_uid: look(tx, one.watch) for one in changes}
    decided: set[str] = set()
    pairs: list[tuple[waits.WaitRow, WaitEnding]] = []
    for one in changes:
        row, verdict = rows.get(one.wait_uid), verdicts[one.wait_uid]
        if row is None or row.ended_at is not None or verdict.status == "waiting" or row.uid in decided:
            continue
        decided.add(row.uid)
        pairs.append((row, WaitEnding(row.uid, row.token, _outcome(one.watch, verdict))))
    end_waits(tx, pairs, by="watch")
    _let_be(tx, changes, decided)
    return len(changes)


def _let_be(tx: Tx, changes: Collection[watches.Touched], decided: Collection[str]) -> None:
    """Those that are not decided wait for the next change. A part of a tree may stay when it is over."""
    watches.settle(tx, [one for one in changes if one.wait_uid not in decided])
    watches.delete(tx, decided)


def _outcome(watch: Watch, verdict: Verdict) -> Outcome:
    payload = encode({"status": verdict.status, "seen": verdict.seen}, what="event")
    return Outcome(_ENDS if watch.ends and verdict.status == "success" else "event", payload)
