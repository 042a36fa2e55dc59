"""Refused: the database's table of events."""

from bide.standard.tables import Log as Log
