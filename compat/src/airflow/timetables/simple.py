"""Schedules that need no calendar."""

from bide.authoring.asset_schedules import AssetTriggeredTimetable as AssetTriggeredTimetable
from bide.authoring.timetables import ContinuousTimetable as ContinuousTimetable
from bide.authoring.timetables import NullTimetable as NullTimetable
from bide.authoring.timetables import OnceTimetable as OnceTimetable

__all__ = (
    "AssetTriggeredTimetable",
    "ContinuousTimetable",
    "NullTimetable",
    "OnceTimetable",
)
