"""Going on in the latest run only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bide.authoring.branch import BaseBranchOperator
from bide.authoring.moments import now
from bide.authoring.timetable import DataInterval, TimeRestriction

if TYPE_CHECKING:
    from bide.authoring.context import Context


class LatestOnlyOperator(BaseBranchOperator):
    """Skips what is directly downstream unless this is the latest scheduled run at the moment.

    That is for catch-up and backfills: what only makes sense for the newest data is left out of old runs. A run
    that somebody asked for always goes on.
    """

    ui_color = "#e9ffdb"

    def choose_branch(self, context: Context) -> str | Iterable[str] | None:
        if context["dag_run"].run_type == "manual":
            self.log.info("Somebody asked for this run: going on")
            return sorted(self.downstream_task_ids)
        if self._is_latest(context):
            self.log.info("This is the latest run: going on")
            return sorted(self.downstream_task_ids)
        self.log.info("There is a later run: skipping what is downstream")
        return []

    def _is_latest(self, context: Context) -> bool:
        run = context["dag_run"]
        start, end = run.data_interval_start, run.data_interval_end
        if start is None or end is None:
            return True
        following = self.dag.timetable.next_dagrun_info(
            last_automated_data_interval=DataInterval(start, end),
            restriction=TimeRestriction(None, self.dag.end_date, catchup=True),
        )
        return following is None or now() < following.run_after
