"""Make the runs that DAGs' schedules call for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from bide.control.create_run import make_run
from bide.control.plan_runs import plan_next_run
from bide.engine.scheduler.duty import Next
from bide.model.schedule_spec import ScheduleSpec
from bide.model.timetables import Interval
from bide.store import Store, Topic, Tx, dags, runs, specs
from bide.store.claiming import decide_alone
from bide.store.dags import DagRow

#: Runs made in one transaction.
_BATCH: Final = 50


@dataclass(frozen=True, slots=True)
class CreateRuns:
    """DAGs whose ``next_run_at`` has come get a run, and a new ``next_run_at``."""

    store: Store
    name: ClassVar[str] = "create_runs"
    topics: ClassVar[tuple[Topic, ...]] = ("dags",)

    async def run(self) -> Next:
        """Make what is due."""
        return await self.store.write(self._work)

    def _work(self, tx: Tx) -> Next:
        due = dags.due(tx, _BATCH)
        if due and tx.shared:
            decide_alone(tx, "create_runs")
            due = dags.due(tx, _BATCH)
        for row in due:
            _make(tx, row)
        return Next(again=len(due) == _BATCH, due_at=dags.next_due(tx))


def _make(tx: Tx, row: DagRow) -> None:
    spec = specs.structure_of(tx, row.version_uid).spec
    schedule = spec.schedule
    if schedule.kind == "custom":
        interval, run_after = row.planned, row.next_run_at
    else:
        # What was planned may be long ago: without catchup, intervals that went by meanwhile are passed over.
        interval = plan_next_run(tx, row.dag_id, planned=row.planned)
        run_after = None if interval is None else interval.run_after
    if interval is None or run_after is None or run_after > tx.now:
        return
    usual = f"scheduled__{_named_by(schedule, interval).isoformat()}"
    run_id = (row.next_run_id if schedule.kind == "custom" else None) or usual
    allowed = not spec.allowed_run_types or "scheduled" in spec.allowed_run_types
    if allowed and runs.find(tx, row.dag_id, run_id) is None:
        make_run(
            tx,
            row,
            run_id=run_id,
            run_type="scheduled",
            logical_date=interval.start,
            interval=interval,
            run_after=run_after,
            conf={},
            by="schedule",
        )
    plan_next_run(tx, row.dag_id, interval)


def _named_by(schedule: ScheduleSpec, interval: Interval) -> datetime:
    """The moment in the run's id. Where intervals may begin at the same moment, their ends are different."""
    return interval.end if schedule.kind == "continuous" or not schedule.intervals else interval.start
