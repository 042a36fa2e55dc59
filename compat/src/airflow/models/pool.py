"""Refused: the database's table of pools."""

from bide.standard.tables import Pool as Pool
