"""Waiting for a day of the week."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from bide.authoring.moments import now
from bide.authoring.operator_checks import name_of
from bide.authoring.sensor import BaseSensorOperator
from bide.standard.weekdays import WeekDay, weekdays

if TYPE_CHECKING:
    from bide.authoring.context import Context


class DayOfWeekSensor(BaseSensorOperator):
    """Waits until it is one of the days `week_day` (a name, a :class:`WeekDay`, or several) in the DAG's time zone.

    With `use_task_logical_date` the day of the run's logical date counts, in UTC as it is written.
    """

    def __init__(
        self,
        *,
        week_day: str | WeekDay | Iterable[str | WeekDay],
        use_task_logical_date: bool = False,
        use_task_execution_day: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.week_day = week_day
        self.use_task_logical_date = use_task_logical_date or use_task_execution_day
        self._days = weekdays(week_day, name_of(self))

    def poke(self, context: Context) -> bool:
        run = context["dag_run"]
        moment = run.logical_date or run.run_after
        if not self.use_task_logical_date or moment is None:
            moment = now().astimezone(self.dag.timezone)
        day = WeekDay(moment.isoweekday())
        self.log.info("it is %s", day.name.title())
        return day in self._days
