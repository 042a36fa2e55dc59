"""Runs at ticks."""

from bide.authoring.timetables import CronTriggerTimetable as CronTriggerTimetable
from bide.authoring.timetables import DeltaTriggerTimetable as DeltaTriggerTimetable
from bide.authoring.timetables import MultipleCronTriggerTimetable as MultipleCronTriggerTimetable

__all__ = (
    "CronTriggerTimetable",
    "DeltaTriggerTimetable",
    "MultipleCronTriggerTimetable",
)
