"""What a clear goes on to in other DAGs: by markers that say which of their tasks come after a task of this one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from bide.control.selecting import Selected, select
from bide.model.dag_spec import SAME_DATE, MarkerSpec
from bide.model.errors import Conflict, InvalidArgument
from bide.model.selection import Change, Found, RunChoice, TaskChoice, plan_clear
from bide.model.states import TaskState
from bide.store import Tx, xcoms

#: Key of the XCom in which a marker leaves what its templates came to.
RENDERED = "external_task"


class _Step(NamedTuple):
    """A task of another DAG that is to be cleared with all after it."""

    dag_id: str
    task_id: str
    date: datetime
    #: How many more markers may be followed.
    depth: int
    marker: str


def beyond_markers(
    tx: Tx, selected: Sequence[Selected], changes: Iterable[Change], choice: TaskChoice
) -> list[tuple[Selected, list[Change]]]:
    """Runs of other DAGs, and what of them is cleared, since markers are among the `changes`.

    Raises :class:`Conflict` where more markers follow each other than their `recursion_depth` allows.
    """
    by_uid = {one.run.uid: one for one in selected}
    waiting = [
        step for change in changes for step in _steps(tx, by_uid[change.found.run_uid], change.found, change, None)
    ]
    done: set[tuple[str, str, datetime]] = set()
    further: dict[str, tuple[Selected, dict[str, Change]]] = {}
    while waiting:
        step = waiting.pop()
        if (step.dag_id, step.task_id, step.date) in done:
            continue
        done.add((step.dag_id, step.task_id, step.date))
        if step.depth < 0:
            raise Conflict(
                f"{step.marker}: more markers follow each other than its recursion_depth allows; clear the DAGs "
                "one by one, or let it be larger"
            )
        which = TaskChoice(
            task_ids=frozenset({step.task_id}),
            downstream=True,
            only_failed=choice.only_failed,
            only_running=choice.only_running,
        )
        for one in select(tx, step.dag_id, RunChoice(start=step.date, end=step.date), anew=True):
            if one.run.uid in by_uid and one.run.uid not in further:
                continue  # a circle back to where the clear began
            found = plan_clear(one.structure, one.found, which)
            further.setdefault(one.run.uid, (one, {}))[1].update({change.found.uid: change for change in found})
            waiting += [s for change in found for s in _steps(tx, one, change.found, change, step.depth - 1)]
    return [(one, list(found.values())) for one, found in further.values()]


def _steps(tx: Tx, run: Selected, found: Found, change: Change, depth: int | None) -> list[_Step]:
    task = run.structure.tasks.get(found.task_id)
    if task is None or task.marker is None or change.target is not TaskState.NONE:
        return []
    marker = _rendered(tx, run, found, task.marker)
    name = f"marker {run.structure.spec.dag_id}.{found.task_id}"
    try:
        date = run.run.date if marker.logical_date == SAME_DATE else datetime.fromisoformat(marker.logical_date)
    except ValueError:
        raise InvalidArgument(
            f"{name}: the logical date {marker.logical_date!r} can't be told before the marker has run"
        ) from None
    if date.tzinfo is None:
        raise InvalidArgument(f"{name}: the logical date {marker.logical_date!r} has no time zone")
    left = marker.recursion_depth - 1 if depth is None else min(depth, marker.recursion_depth - 1)
    return [_Step(marker.dag_id, marker.task_id, date, left, name)]


def _rendered(tx: Tx, run: Selected, found: Found, marker: MarkerSpec) -> MarkerSpec:
    """The marker with what its templates came to, if it has run."""
    values = xcoms.pull(tx, run.structure.spec.dag_id, found.run_id, [found.task_id], [RENDERED])
    for one in values:
        if one.map_index == found.map_index:
            dag_id, task_id, date = msgspec.json.decode(one.value, type=tuple[str, str, str])
            return MarkerSpec(dag_id, task_id, date, marker.recursion_depth)
    return marker
