"""Runs at given moments."""

from bide.authoring.timetables import EventsTimetable as EventsTimetable

__all__ = ("EventsTimetable",)
