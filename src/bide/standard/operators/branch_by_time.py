"""Choosing how a run goes on by the time or the day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from bide.authoring.branch import BaseBranchOperator
from bide.authoring.moments import aware, now
from bide.authoring.operator_checks import name_of
from bide.model.errors import InvalidArgument
from bide.standard.weekdays import WeekDay, weekdays

if TYPE_CHECKING:
    from bide.authoring.context import Context

Branches = str | Iterable[str]
Bound = dt.datetime | dt.time | None


class BranchDateTimeOperator(BaseBranchOperator):
    """Follows one branch from `target_lower` to `target_upper`, and another at all other times.

    The bounds are moments or times of day, in the DAG's time zone if they have none; one of them may be left out. A
    span of times of day may go over midnight. With `use_task_logical_date` the run's logical date counts instead of
    the moment.
    """

    def __init__(
        self,
        *,
        follow_task_ids_if_true: Branches,
        follow_task_ids_if_false: Branches,
        target_lower: Bound,
        target_upper: Bound,
        use_task_logical_date: bool = False,
        use_task_execution_date: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        of = name_of(self)
        if target_lower is None and target_upper is None:
            raise InvalidArgument(f"{of}: give target_lower, target_upper or both")
        for name, bound in (("target_lower", target_lower), ("target_upper", target_upper)):
            if not isinstance(bound, dt.datetime | dt.time | None):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise InvalidArgument(f"{of}: {name} must be a datetime or a time, not {bound!r}")
        self.follow_task_ids_if_true = follow_task_ids_if_true
        self.follow_task_ids_if_false = follow_task_ids_if_false
        self.target_lower = target_lower
        self.target_upper = target_upper
        self.use_task_logical_date = use_task_logical_date or use_task_execution_date

    def choose_branch(self, context: Context) -> Branches:
        run = context["dag_run"]
        moment = (run.logical_date or run.run_after) if self.use_task_logical_date else now()
        lower, upper = self._bounds(moment or now())
        inside = (lower is None or lower <= moment) and (upper is None or moment <= upper)
        return self.follow_task_ids_if_true if inside else self.follow_task_ids_if_false

    def _bounds(self, moment: dt.datetime) -> tuple[dt.datetime | None, dt.datetime | None]:
        lower, upper = self._on_day_of(self.target_lower, moment), self._on_day_of(self.target_upper, moment)
        both_times = isinstance(self.target_lower, dt.time) and isinstance(self.target_upper, dt.time)
        if both_times and lower is not None and upper is not None and upper < lower:
            # 22:00 to 02:00: before the end of last night's span it is that one, else the coming one.
            day = dt.timedelta(days=1)
            return (lower - day, upper) if moment <= upper else (lower, upper + day)
        return lower, upper

    def _on_day_of(self, bound: Bound, moment: dt.datetime) -> dt.datetime | None:
        if bound is None or isinstance(bound, dt.datetime):
            return None if bound is None else aware(bound)
        zone = bound.tzinfo or self.dag.timezone
        return dt.datetime.combine(moment.astimezone(zone).date(), bound, tzinfo=zone)


class BranchDayOfWeekOperator(BaseBranchOperator):
    """Follows one branch on the days `week_day` (a name, a :class:`WeekDay`, or several), and another on others.

    It is the day in the DAG's time zone, or with `use_task_logical_date` that of the run's logical date.
    """

    def __init__(
        self,
        *,
        follow_task_ids_if_true: Branches,
        follow_task_ids_if_false: Branches,
        week_day: str | WeekDay | Iterable[str | WeekDay],
        use_task_logical_date: bool = False,
        use_task_execution_day: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.follow_task_ids_if_true = follow_task_ids_if_true
        self.follow_task_ids_if_false = follow_task_ids_if_false
        self.week_day = week_day
        self.use_task_logical_date = use_task_logical_date or use_task_execution_day
        self._days = weekdays(week_day, name_of(self))

    def choose_branch(self, context: Context) -> Branches:
        run = context["dag_run"]
        moment = (run.logical_date or run.run_after) if self.use_task_logical_date else None
        day = (moment or now().astimezone(self.dag.timezone)).isoweekday()
        return self.follow_task_ids_if_true if WeekDay(day) in self._days else self.follow_task_ids_if_false
