"""Refused: the database's table of assets."""

from bide.standard.tables import expand_alias_to_assets as expand_alias_to_assets
