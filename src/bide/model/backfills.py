"""What a backfill makes of a range of dates: decided from the schedule and the runs that there are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from itertools import islice, takewhile
from typing import Final

from bide.model.dag_spec import DagSpec
from bide.model.errors import InvalidArgument
from bide.model.run_types import RunType
from bide.model.schedule_spec import ScheduleSpec
from bide.model.states import FINISHED_RUN, RunState
from bide.model.timetables import Interval, coming_intervals, next_interval

#: Dates that one backfill may have: it is stored in one transaction, and a person can still look through it.
MOST_DATES: Final = 10_000
#: Runs that are made before there is room for them, at most.
_AHEAD: Final = 32
#: Kinds of schedules whose runs belong to dates that are known beforehand.
_DATED: Final = frozenset({"cron", "delta", "events"})


class Reprocess(StrEnum):
    """What becomes of dates that have a run already. The names are Airflow's."""

    #: They are left out.
    NONE = "none"
    #: It runs again if it has failed.
    FAILED = "failed"
    #: It runs again if it has ended.
    COMPLETED = "completed"


class Step(StrEnum):
    """What is done about one date."""

    #: It gets a run.
    MAKE = "make"
    #: The run that it has runs again.
    AGAIN = "again"
    #: It is left out, since it has a run.
    EXISTS = "already exists"
    #: It is left out, since its run is under way.
    IN_FLIGHT = "in flight"


class BackfillState(StrEnum):
    """How far a backfill is."""

    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


def dates_between(schedule: ScheduleSpec, first: datetime, last: datetime, now: datetime) -> list[Interval]:
    """The data intervals whose dates lie between these two, both included, and are over at `now`.

    Raises :class:`InvalidArgument` where there are none, too many, or where the schedule has no dates.
    """
    if schedule.kind not in _DATED:
        raise InvalidArgument(
            f"there is nothing to backfill: a schedule of the kind {schedule.kind!r} does not say which dates it "
            "has. Make runs one by one with `bide dags trigger --logical-date`"
        )
    if last < first:
        raise InvalidArgument(f"the range ends before it begins: {first.isoformat()} to {last.isoformat()}")
    begin = next_interval(schedule, last=None, start_date=first, end_date=last, catchup=True, now=first)
    coming = coming_intervals(schedule, first=begin, start_date=first, end_date=last, now=first)
    found = list(islice(takewhile(lambda one: one.run_after <= now, coming), MOST_DATES + 1))
    between = f"between {first.isoformat()} and {last.isoformat()}"
    if not found:
        raise InvalidArgument(f"there is nothing to backfill: no run of the schedule is due {between}")
    if len(found) > MOST_DATES:
        raise InvalidArgument(
            f"there are more than {MOST_DATES:,} runs {between}: backfill one part after the other"
        )
    return found


def check_backfill(spec: DagSpec, *, backwards: bool, only_failed: bool, reprocess: Reprocess) -> None:
    """Raise :class:`InvalidArgument` if a DAG can't be backfilled in this way."""
    allowed = spec.allowed_run_types
    if allowed and RunType.BACKFILL_JOB.value not in allowed:
        raise InvalidArgument(
            f"DAG {spec.dag_id!r} may have no backfill runs: its allowed_run_types are {', '.join(allowed)}"
        )
    past = sorted(task.task_id for task in spec.tasks if task.depends_on_past)
    if backwards and past:
        raise InvalidArgument(
            f"DAG {spec.dag_id!r} can't be backfilled the newest first: task {past[0]!r} depends on its past"
        )
    if only_failed and reprocess is Reprocess.NONE:
        raise InvalidArgument("only failed tasks can't run again where no run does: reprocess failed runs as well")


def step_of(state: RunState | None, reprocess: Reprocess) -> Step:
    """What to do about a date whose newest run is in `state`; None: it has none."""
    if state is None:
        return Step.MAKE
    if state not in FINISHED_RUN:
        return Step.IN_FLIGHT
    again = {Reprocess.NONE: (), Reprocess.FAILED: (RunState.FAILED,), Reprocess.COMPLETED: tuple(FINISHED_RUN)}
    return Step.AGAIN if state in again[reprocess] else Step.EXISTS


def most_at_once(own: int | None, of_dag: int) -> int:
    """How many runs of a backfill may be under way: one of those that its DAG may have is left to others."""
    room = max(of_dag - 1, 1)
    return room if own is None else min(own, room)


def room_to_make(most: int, unfinished: int) -> int:
    """How many runs are to be made now, where `most` may be under way and so many have not ended.

    Some wait for room, so that its turn does not come while there is none to start. They are made several at a
    time: not before half of those that may wait have begun.
    """
    ahead = min(most, _AHEAD)
    room = most + ahead - unfinished
    return room if room * 2 >= ahead and room > 0 else 0


def in_turn(intervals: Sequence[Interval], *, backwards: bool) -> list[Interval]:
    """The dates in the order in which they have their turns."""
    return list(reversed(intervals)) if backwards else list(intervals)
