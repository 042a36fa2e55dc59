"""Refused: the database's table of rendered fields."""

from bide.standard.tables import RenderedTaskInstanceFields as RenderedTaskInstanceFields
