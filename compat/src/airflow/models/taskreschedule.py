"""Refused: the database's table of reschedules."""

from bide.standard.tables import TaskReschedule as TaskReschedule
