"""Refused: the database's table of DAGs."""

from bide.standard.tables import SerializedDagModel as SerializedDagModel
