"""Timetables."""

from bide.authoring.timetable import Timetable as BaseTimetable

__all__ = ("BaseTimetable",)
