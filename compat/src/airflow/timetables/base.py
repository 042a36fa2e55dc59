"""What timetables are made of."""

from bide.authoring.timetable import DagRunInfo as DagRunInfo
from bide.authoring.timetable import DataInterval as DataInterval
from bide.authoring.timetable import TimeRestriction as TimeRestriction
from bide.authoring.timetable import Timetable as Timetable

__all__ = (
    "DagRunInfo",
    "DataInterval",
    "TimeRestriction",
    "Timetable",
)
