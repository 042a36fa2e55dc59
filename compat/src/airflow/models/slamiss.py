"""Refused: the database's table of late tasks."""

from bide.standard.tables import SlaMiss as SlaMiss
