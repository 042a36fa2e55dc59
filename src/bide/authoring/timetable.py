"""What a timetable is: authors subclass :class:`Timetable` where no schedule of Bide's own will do.

The class is Airflow's in names and meaning. It has to be importable: in the plugin folder, an installed package, a
module beside the DAG file or the DAG file itself. The engine asks it in a process of its own, and builds it there
with ``deserialize(serialize())``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from bide.model.errors import InvalidSchedule


class DataInterval(NamedTuple):
    """The span of time whose data a run is about; from `start` on, up to but without `end`."""

    start: dt.datetime
    end: dt.datetime

    @classmethod
    def exact(cls, at: dt.datetime) -> DataInterval:
        """A moment rather than a span."""
        return cls(at, at)


class TimeRestriction(NamedTuple):
    """What a DAG says about its runs: ``start_date``, ``end_date`` and ``catchup``."""

    earliest: dt.datetime | None
    latest: dt.datetime | None
    catchup: bool


class DagRunInfo(NamedTuple):
    """A run to be made: not before `run_after`, about `data_interval`."""

    run_after: dt.datetime
    data_interval: DataInterval

    @classmethod
    def exact(cls, at: dt.datetime) -> DagRunInfo:
        """A run at a moment, about that moment."""
        return cls(at, DataInterval.exact(at))

    @classmethod
    def interval(cls, start: dt.datetime, end: dt.datetime) -> DagRunInfo:
        """A run about a span, when that is over."""
        return cls(end, DataInterval(start, end))

    @property
    def logical_date(self) -> dt.datetime:
        """The start of the data interval."""
        return self.data_interval.start


class Timetable:
    """When a DAG runs. Subclasses say so in :meth:`next_dagrun_info`."""

    #: For people.
    description: str = ""
    #: Whether runs come by themselves, again and again.
    periodic: bool = True
    #: Runs of the DAG at once, at most; None leaves that to the DAG.
    active_runs_limit: int | None = None
    #: Airflow's; runs are ordered by when they may start.
    run_ordering: Sequence[str] = ("data_interval_end", "execution_date")
    #: Airflow's; timetables that go by assets say what the assets are.
    asset_condition: ClassVar[Any] = None

    @property
    def can_be_scheduled(self) -> bool:
        """Whether it may name a run at all."""
        return self.periodic

    @property
    def summary(self) -> str:
        """A few words for lists."""
        return type(self).__name__

    def serialize(self) -> dict[str, Any]:
        """What :meth:`deserialize` needs, in JSON's types."""
        return {}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Timetable:
        """Build it from what :meth:`serialize` gave."""
        return cls()

    def validate(self) -> None:
        """Raise an error if it can't be used; called when the DAG file is read."""

    def infer_manual_data_interval(self, *, run_after: dt.datetime) -> DataInterval:
        """The data interval of a run that somebody asks for at `run_after`."""
        raise NotImplementedError(f"{type(self).__name__} has no infer_manual_data_interval()")

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """The run after the one about `last_automated_data_interval`, the first one if that is None.

        None if there is none to come.
        """
        raise NotImplementedError(f"{type(self).__name__} has no next_dagrun_info()")

    def generate_run_id(
        self, *, run_type: str, run_after: dt.datetime, data_interval: DataInterval | None, **extra: Any
    ) -> str:
        """The id of a scheduled run; a subclass may have names of its own, each of which may come once only.

        It is given what it names of `run_type`, `run_after`, `logical_date` and `data_interval`.
        """
        return f"{run_type}__{run_after.isoformat()}"


class InvalidTimetable(InvalidSchedule):
    """For ``validate()`` of timetables to raise; Airflow's ``AirflowTimetableInvalid``."""


def runs_at_once(schedule: object) -> int | None:
    """How many runs of a DAG with this schedule there may be at once; None if it sets no limit."""
    if isinstance(schedule, str):
        return 1 if schedule == "@continuous" else None
    return schedule.active_runs_limit if isinstance(schedule, Timetable) else None
