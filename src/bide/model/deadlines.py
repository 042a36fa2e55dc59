"""When a task or a run is late: what its deadline is, and whether it was met."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import msgspec

from bide.model.moments import later
from bide.model.states import RunState, TaskState

Reference = Literal["logical_date", "queued_at", "fixed", "average_runtime", "custom"]


class DeadlineSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """A deadline of each run of a DAG."""

    reference: Reference
    #: Seconds after the reference; before it, if negative.
    interval: float
    name: str = ""
    #: ``fixed``: the moment.
    at: str | None = None
    #: ``average_runtime``: of so many runs at most, and no deadline with less than so many.
    max_runs: int = 10
    min_runs: int = 10
    #: What it is counted from (``custom``), or the interval, is known to the author's code only.
    is_computed: bool = False


#: Counted anew when a run that has ended is cleared; the others are what they were.
FROM_START: frozenset[Reference] = frozenset({"queued_at", "average_runtime"})


class Progress(NamedTuple):
    """How far a task instance or a run is."""

    state: TaskState | RunState
    end_date: datetime | None


_GOOD = frozenset({TaskState.SUCCESS, TaskState.SKIPPED, TaskState.REMOVED, RunState.SUCCESS})


def is_met(due_at: datetime, progress: Sequence[Progress]) -> bool:
    """Whether all of these had succeeded, or were skipped, by `due_at`; true if there are none."""
    return all(one.state in _GOOD and (one.end_date is None or one.end_date <= due_at) for one in progress)


def due_moment(
    spec: DeadlineSpec, *, logical_date: datetime | None, queued_at: datetime, durations: Sequence[float]
) -> datetime | None:
    """When a run with these dates should have ended; None if that can't be said. `durations` are the last ones."""
    match spec.reference:
        case "logical_date":
            base = logical_date
        case "fixed":
            base = None if spec.at is None else datetime.fromisoformat(spec.at)
        case "queued_at":
            base = queued_at
        case "custom":
            base = None
        case "average_runtime":
            known = durations[: spec.max_runs]
            enough = len(known) >= max(spec.min_runs, 1)
            base = later(queued_at, sum(known) / len(known)) if enough else None
    if base is None:
        return None
    return later(base, spec.interval) if spec.interval >= 0 else base + timedelta(seconds=spec.interval)
