"""Runs about the spans between two ticks."""

from bide.authoring.timetable import DagRunInfo as DagRunInfo
from bide.authoring.timetable import DataInterval as DataInterval
from bide.authoring.timetable import Timetable as Timetable
from bide.authoring.timetables import CronDataIntervalTimetable as CronDataIntervalTimetable
from bide.authoring.timetables import DeltaDataIntervalTimetable as DeltaDataIntervalTimetable

__all__ = (
    "CronDataIntervalTimetable",
    "DagRunInfo",
    "DataInterval",
    "DeltaDataIntervalTimetable",
    "Timetable",
)
