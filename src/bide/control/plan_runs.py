"""Work out when DAGs run next, and store it: as rows, so that nobody has to look for what is due."""

from __future__ import annotations

from datetime import datetime
from itertools import islice, takewhile
from typing import Final

from bide.model.run_state import Structure
from bide.model.timetables import Interval, coming_intervals, next_interval
from bide.store import Tx, dags, runs, specs, timetable_questions

#: Runs that are due at once are counted as far as that.
_COUNTED: Final = 10_000


def plan_next_run(
    tx: Tx, dag_id: str, last: Interval | None = None, planned: Interval | None = None
) -> Interval | None:
    """Work out when `dag_id` runs next, and store it.

    `last` is the interval of the run just made, else it is looked up; `planned` is what was planned before. A
    timetable of the author's own is asked in another process, and stores its answer later.
    """
    row = dags.find(tx, dag_id)
    if row is None:
        return None
    structure = specs.structure_of(tx, row.version_uid)
    spec = structure.spec
    interval = next_interval(
        spec.schedule,
        last=last or dags.last_interval(tx, dag_id),
        start_date=_moment(spec.start_date),
        end_date=_moment(spec.end_date),
        catchup=spec.catchup,
        now=tx.now,
        planned=planned,
    )
    if spec.schedule.kind == "custom":
        timetable_questions.ask_next_run(tx, dag_id)
    if spec.schedule.kind == "continuous" and (not structure.tasks or runs.has_unfinished(tx, dag_id)):
        # The end of the run plans the next one.
        interval = None
    dags.set_next_run(tx, dag_id, interval)
    return interval


def count_due(tx: Tx, dag_id: str, first: Interval | None) -> int:
    """How many runs of `dag_id` are to be made at once, of which `first` is the first one. Counts to 10,000."""
    row = dags.find(tx, dag_id)
    if row is None or first is None or first.run_after > tx.now:
        return 0
    spec = specs.structure_of(tx, row.version_uid).spec
    if not spec.catchup:
        return 1
    coming = coming_intervals(
        spec.schedule,
        first=first,
        start_date=_moment(spec.start_date),
        end_date=_moment(spec.end_date),
        now=tx.now,
    )
    return sum(1 for _ in takewhile(lambda one: one.run_after <= tx.now, islice(coming, _COUNTED)))


def plan_after_end(tx: Tx, dag_id: str, structure: Structure) -> None:
    """A run of `dag_id` has ended, for which the next one may have waited."""
    if structure.spec.schedule.kind == "continuous":
        plan_next_run(tx, dag_id)
        tx.ring("dags")


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
